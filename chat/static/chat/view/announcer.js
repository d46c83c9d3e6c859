/**
 * What a screen reader says by itself: how replies end, and whether there is a connection. Not the tokens, which would
 * never stop talking; the reply can be read where it stands.
 */
import { useEffect, useState } from "preact/hooks";
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
  const [said, say] = useState("");
  useEffect(
    () =>
      store.follow((state, _action, before) => {
        if (state.open === before.open) return;
        for (const chat of Object.values(state.open)) {
          const runs = before.open[chat.id]?.runs;
          if (!runs || runs === chat.runs) continue;
          for (const run of Object.values(chat.runs)) {
            if (runs[run.run]?.status === "running" && run.status !== "running") {
              say(`${ENDINGS[run.status]}: ${titleOf(state, chat.id)}`);
            }
          }
        }
      }),
    [store],
  );
  const connected = useSelect((state) => state.link.status === "online" || state.link.status === "connecting");
  return html`
    <div class="unseen" role="status">${said}</div>
    <div class="unseen" role="status">${connected ? "" : t("No connection to the server")}</div>
  `;
}
