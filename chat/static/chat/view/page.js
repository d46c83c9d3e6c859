/** The whole page: the list of chats, the panes, and what is said above and below them. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { isChat, titleOf, visible, waiting } from "../panes.js";
import { Announcer } from "./announcer.js";
import { Banner } from "./banner.js";
import { useApp, useSelect } from "./context.js";
import { useFocusKept } from "./focus.js";
import { html } from "./html.js";
import { useKeyboard } from "./keyboard.js";
import { narrowNow, touchNow, useNarrow, useRoom } from "./media.js";
import { Palette } from "./palette.js";
import { Pane } from "./pane.js";
import { Shortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { Split } from "./split.js";
import { Toasts } from "./toasts.js";

export function Page() {
  const panes = useSelect((state) => state.panes);
  const room = useRoom();
  const narrow = useNarrow();
  const [drawer, setDrawer] = useState(false);
  // An object of its own each time: one that is asked for while the one before closes is another.
  const [dialog, setDialog] = useState(/** @type {{kind: "palette" | "shortcuts"} | null} */ (null));
  const openDialog = (/** @type {"palette" | "shortcuts"} */ kind) => setDialog({ kind });
  const closeDialog = () => setDialog((now) => (now === dialog ? null : now));
  const { app, store } = useApp();
  const [folded, setFolded] = useState(() => app.layout.get("list") === "folded");
  /** @param {boolean} away */
  const fold = (away) => {
    app.layout.set("list", away ? "folded" : "");
    setFolded(away);
    // The button that was used goes; its counterpart is drawn before the next frame.
    requestAnimationFrame(() => document.querySelector(/** @type {"button"} */ (away ? ".open-drawer" : ".close-list"))?.focus());
  };
  const openList = () => (narrowNow() ? setDrawer(true) : app.layout.get("list") && fold(false));
  const closeList = () => (narrow ? setDrawer(false) : fold(true));
  const focused = panes.keys[panes.focus] ?? "";
  useKeyboard({ onDialog: openDialog, onList: openList });
  useFocusKept((lostIn) => {
    const { keys, focus } = store.state.panes;
    // Who reads goes on reading; and no keyboard comes up over the page.
    const reading = document.querySelector(/** @type {"div"} */ (".pane.focused .scroller"));
    if (lostIn?.isConnected) lostIn.focus({ preventScroll: true });
    else if (touchNow()) reading?.focus({ preventScroll: true });
    else app.composers.get(keys[focus] ?? "")?.focus();
  });
  const title = useSelect((state) => titleOf(state, focused));
  useEffect(() => {
    document.title = `${title} · Polylogue`;
  }, [title]);
  // Choosing a chat closes the drawer that it was chosen from.
  useEffect(() => setDrawer(false), [panes, narrow]);
  // With the drawing, not after it: who sees the drawer can press Escape.
  useLayoutEffect(() => {
    if (!drawer) return;
    const onKeyDown = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && setDrawer(false);
    document.addEventListener("keydown", onKeyDown);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      // What had the focus is about to be out of reach.
      document.querySelector(/** @type {"button"} */ (".open-drawer"))?.focus();
    };
  }, [drawer]);

  const keys = visible(panes, room);
  const unseen = waiting(panes, room);
  const last = keys.at(-1);
  const more = panes.keys.length < room && panes.keys.every(isChat);
  return html`
    <div class="page">
      <${Sidebar} hidden=${narrow ? !drawer : folded} over=${narrow} room=${room} onClose=${closeList} onShortcuts=${() => openDialog("shortcuts")} />
      ${narrow && drawer && html`<div class="veil" onClick=${() => setDrawer(false)}></div>`}
      <main class="main" inert=${narrow && drawer}>
        <h1 class="unseen">Polylogue</h1>
        <${Banner} />
        <${Split} keys=${keys}>
          ${(/** @type {string} */ key) => html`
              <${Pane}
                key=${key}
                id=${key}
                focused=${key === focused}
                alone=${panes.keys.length === 1}
                waiting=${key === last ? unseen : []}
                room=${room}
                besides=${key === last && more}
                onMenu=${(narrow || folded) && key === keys[0] ? openList : null}
              />
            `}
        <//>
      </main>
      <${Toasts} />
      <${Announcer} />
      ${dialog?.kind === "palette" && html`<${Palette} key=${dialog} onClose=${closeDialog} onShortcuts=${() => openDialog("shortcuts")} />`}
      ${dialog?.kind === "shortcuts" && html`<${Shortcuts} key=${dialog} onClose=${closeDialog} />`}
    </div>
  `;
}
