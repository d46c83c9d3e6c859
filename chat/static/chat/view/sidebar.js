/** The list of chats: the newest first, older ones as one scrolls, the archived ones apart. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { cookie } from "../http.js";
import { NEW } from "../panes.js";
import { ChatItem } from "./chat-item.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon, logo } from "./icon.js";

/**
 * @param {{hidden: boolean, over: boolean, room: number, onClose: () => void}} props `over`: it lies over the page
 */
export function Sidebar({ hidden, over, room, onClose }) {
  const { app } = useApp();
  const [archived, setArchived] = useState(false);
  const panel = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (over && !hidden) panel.current?.querySelector(/** @type {"button"} */ (".new-chat"))?.focus();
  }, [over, hidden]);
  useEffect(() => {
    if (archived) void app.loadChats(true, true);
  }, [archived]);

  return html`
    <aside class=${`sidebar${over ? " over" : ""}${hidden ? " away" : ""}`} inert=${hidden} ref=${panel} aria-label="Chats">
      <header class="sidebar-head">
        <span class="brand">${logo()}Polylogue</span>
        ${over &&
        html`<button type="button" class="icon-button" aria-label="Close the list" onClick=${onClose}>${icon("close")}</button>`}
      </header>
      <button
        type="button"
        class="new-chat"
        onClick=${() => {
          app.show(NEW);
          onClose();
        }}
      >
        ${icon("plus")}New chat
      </button>
      ${archived &&
      html`
        <div class="list-head">
          <button type="button" class="icon-button" aria-label="Back to all chats" onClick=${() => setArchived(false)}>
            ${icon("back")}
          </button>
          <h2>Archived</h2>
        </div>
      `}
      <${ChatList} key=${String(archived)} archived=${archived} room=${room} />
      <${Foot} archived=${archived} onArchived=${() => setArchived(true)} />
    </aside>
  `;
}

/** @param {{archived: boolean, room: number}} props */
function ChatList({ archived, room }) {
  const { app } = useApp();
  const chats = useSelect((state) => state.chats);
  const list = useSelect((state) => (archived ? state.lists.archived : state.lists.active));
  const panes = useSelect((state) => state.panes);
  const sorted = useMemo(
    () =>
      Object.values(chats)
        .filter((chat) => chat.archived === archived)
        .sort((a, b) => (a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1 : a.id < b.id ? 1 : -1)),
    [chats, archived],
  );
  const end = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    if (!end.current || !list.next || list.loading) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) void app.loadChats(archived);
    });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [archived, list]);

  const focused = panes.keys[panes.focus];
  return html`
    <nav class="chat-list" aria-label=${archived ? "Archived chats" : "All chats"}>
      <ul>
        ${sorted.map(
          (chat) => html`
            <${ChatItem}
              key=${chat.id}
              chat=${chat}
              shown=${panes.keys.includes(chat.id)}
              focused=${chat.id === focused}
              besides=${room > 1}
            />
          `,
        )}
      </ul>
      <div ref=${end}>${listState(list, sorted.length, archived, () => app.loadChats(archived, !list.loaded))}</div>
    </nav>
  `;
}

/**
 * @param {import("../types.js").List} list
 * @param {number} count
 * @param {boolean} archived
 * @param {() => void} again
 */
function listState(list, count, archived, again) {
  if (list.loading === "failed") {
    return html`<p class="list-note">The list could not be loaded. <button type="button" class="link" onClick=${again}>Try again</button></p>`;
  }
  if (!list.loaded) return html`<div class="list-loading" aria-label="Loading"><span></span><span></span><span></span></div>`;
  if (list.loading) return html`<p class="list-note">Loading…</p>`;
  if (!count) return html`<p class="list-note">${archived ? "Nothing is archived." : "Your chats will be listed here."}</p>`;
  return null;
}

/** @param {{archived: boolean, onArchived: () => void}} props */
function Foot({ archived, onArchived }) {
  const { config } = useApp();
  const { user, urls } = config;
  return html`
    <footer class="sidebar-foot">
      ${!archived && html`<button type="button" class="foot-row" onClick=${onArchived}>${icon("archive")}Archived chats</button>`}
      <div class="foot-row person">
        <span class="avatar" aria-hidden="true">${user.guest ? "G" : user.name.slice(0, 1).toUpperCase()}</span>
        <span class="person-name">${user.guest ? "Guest" : user.name}</span>
        ${user.guest
          ? html`<a class="button" href=${urls.signIn}>Sign in</a>`
          : html`
              <form method="post" action=${urls.signOut}>
                <input type="hidden" name="csrfmiddlewaretoken" value=${cookie(document.cookie, "csrftoken")} />
                <button class="icon-button" aria-label="Sign out" title="Sign out">${icon("leave")}</button>
              </form>
            `}
      </div>
    </footer>
  `;
}
