/**
 * What a screen reader says by itself: how replies end, and whether there is a connection. Not the tokens, which would
 * never stop talking; the reply can be read where it stands.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { titleOf } from "../panes.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";

const ENDINGS = {
  completed: t("Reply finished"),
  stopped: t("Reply stopped"),
  interrupted: t("Reply interrupted"),
  failed: t("Reply failed"),
};

export function Announcer() {
  const { store } = useApp();
  const [said, say] = useState({ text: "", count: 0 });
  useEffect(
    () =>
      store.follow((state, _action, before) => {
        if (state.open === before.open) return;
        for (const chat of Object.values(state.open)) {
          const runs = before.open[chat.id]?.runs;
          if (!runs || runs === chat.runs) continue;
          for (const run of Object.values(chat.runs)) {
            if (runs[run.run]?.status === "running" && run.status !== "running") {
              const text = `${ENDINGS[run.status]}: ${titleOf(state, chat.id)}`;
              say(({ count }) => ({ text, count: count + 1 }));
            }
          }
        }
      }),
    [store],
  );
  const status = useSelect((state) => state.link.status);
  const lost = useRef(false);
  // That it is tried again is no news.
  if (status !== "connecting") lost.current = status !== "online";
  // An element of its own each time: the same words again are heard again.
  return html`
    <div class="unseen" role="status"><span key=${said.count}>${said.text}</span></div>
    <div class="unseen" role="status">${lost.current ? t("No connection to the server") : ""}</div>
  `;
}
