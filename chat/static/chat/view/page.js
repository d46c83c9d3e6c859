/** The whole page: the list of chats, the panes, and what is said above and below them. */
import { useEffect, useState } from "preact/hooks";
import { titleOf, visible } from "../panes.js";
import { Announcer } from "./announcer.js";
import { Banner } from "./banner.js";
import { useSelect } from "./context.js";
import { html } from "./html.js";
import { useNarrow, useRoom } from "./media.js";
import { Pane } from "./pane.js";
import { Sidebar } from "./sidebar.js";
import { Toasts } from "./toasts.js";

export function Page() {
  const panes = useSelect((state) => state.panes);
  const room = useRoom();
  const narrow = useNarrow();
  const [drawer, setDrawer] = useState(false);
  const focused = panes.keys[panes.focus] ?? "";
  const title = useSelect((state) => titleOf(state, focused));
  useEffect(() => {
    document.title = `${title} · Polylogue`;
  }, [title]);
  // Choosing a chat closes the drawer that it was chosen from.
  useEffect(() => setDrawer(false), [panes, narrow]);
  useEffect(() => {
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
  return html`
    <div class="page">
      <${Sidebar} hidden=${narrow && !drawer} over=${narrow} room=${room} onClose=${() => setDrawer(false)} />
      ${narrow && drawer && html`<div class="veil" onClick=${() => setDrawer(false)}></div>`}
      <main class="main" inert=${narrow && drawer}>
        <h1 class="unseen">Polylogue</h1>
        <${Banner} />
        <div class=${`panes panes-${keys.length}`}>
          ${keys.map(
            (key) => html`
              <${Pane}
                key=${key}
                id=${key}
                focused=${key === focused}
                alone=${panes.keys.length === 1}
                onMenu=${narrow ? () => setDrawer(true) : null}
              />
            `,
          )}
        </div>
      </main>
      <${Toasts} />
      <${Announcer} />
    </div>
  `;
}
