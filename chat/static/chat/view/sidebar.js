/** The list of chats: what is pinned, then the newest first, older ones as one scrolls, the archived ones apart. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { cookie } from "../http.js";
import { t } from "../i18n.js";
import { inOrder } from "../list.js";
import { isChat, NEW, visible } from "../panes.js";
import { ChatItem } from "./chat-item.js";
import { useApp, useSelect } from "./context.js";
import { useFind } from "./find.js";
import { html } from "./html.js";
import { icon, logo } from "./icon.js";
import { Preferences } from "./preferences.js";

/** Characters of a message that are more than a line of the list holds. */
const LINE = 60;

/**
 * @param {{hidden: boolean, over: boolean, room: number, onClose: () => void, onShortcuts: () => void}} props `over`: it lies over the page
 */
export function Sidebar({ hidden, over, room, onClose, onShortcuts }) {
  const { app } = useApp();
  const [archived, setArchived] = useState(false);
  const [words, setWords] = useState("");
  const panel = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (over && !hidden) panel.current?.querySelector(/** @type {"button"} */ (".new-chat"))?.focus();
  }, [over, hidden]);
  useEffect(() => {
    if (archived) void app.loadChats(true, true);
  }, [archived]);

  return html`
    <aside class=${`sidebar${over ? " over" : ""}${hidden ? " away" : ""}`} inert=${hidden} ref=${panel} aria-label=${t("Chats")}>
      <header class="sidebar-head">
        <span class="brand">${logo()}Polylogue</span>
        <button type="button" class="icon-button for-keys" aria-label=${t("Keyboard shortcuts")} title=${t("Keyboard shortcuts")} onClick=${onShortcuts}>
          ${icon("keyboard")}
        </button>
        <button type="button" class="icon-button close-list" aria-label=${t("Close the list")} title=${t("Close the list")} onClick=${onClose}>
          ${icon(over ? "close" : "list")}
        </button>
      </header>
      <button
        type="button"
        class="new-chat"
        onClick=${() => {
          app.show(NEW);
          if (over) onClose();
        }}
      >
        ${icon("plus")}${t("New chat")}
      </button>
      <${Filter} words=${words} onWords=${setWords} />
      ${archived &&
      html`
        <div class="list-head">
          <button type="button" class="icon-button" aria-label=${t("Back to all chats")} onClick=${() => setArchived(false)}>
            ${icon("back")}
          </button>
          <h2>${t("Archived")}</h2>
        </div>
      `}
      <${ChatList} key=${String(archived)} archived=${archived} room=${room} words=${words} />
      <${Foot} archived=${archived} onArchived=${() => setArchived(true)} />
    </aside>
  `;
}

/** @param {{words: string, onWords: (words: string) => void}} props */
function Filter({ words, onWords }) {
  return html`
    <label class="filter">
      ${icon("search")}
      <input
        type="search"
        aria-label=${t("Filter by title")}
        placeholder=${t("Filter by title")}
        value=${words}
        onInput=${(/** @type {InputEvent & {currentTarget: HTMLInputElement}} */ event) => onWords(event.currentTarget.value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          if (event.key !== "Escape" || !words) return;
          event.stopPropagation();
          event.preventDefault();
          onWords("");
        }}
      />
    </label>
  `;
}

/** @param {{archived: boolean, room: number, words: string}} props */
function ChatList({ archived, room, words }) {
  const { app } = useApp();
  const chats = useSelect((state) => state.chats);
  const list = useSelect((state) => (archived ? state.lists.archived : state.lists.active));
  const panes = useSelect((state) => state.panes);
  const wanted = words.trim();
  const sorted = useMemo(() => inOrder(Object.values(chats), archived, wanted), [chats, archived, wanted]);
  const finding = useFind(wanted, archived);
  const end = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    if (!end.current || !list.next || list.loading || wanted) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) void app.loadChats(archived);
    });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [archived, list, wanted]);

  const focused = panes.keys[panes.focus];
  const shown = visible(panes, room);
  return html`
    <nav class="chat-list" aria-label=${archived ? t("Archived chats") : t("All chats")}>
      <ul>
        ${!archived && !wanted && html`<${Unmade} shown=${shown} />`}
        ${sorted.map(
          (chat) => html`
            <${ChatItem}
              key=${chat.id}
              chat=${chat}
              shown=${shown.includes(chat.id)}
              focused=${chat.id === focused}
              besides=${room > 1}
            />
          `,
        )}
      </ul>
      <div ref=${end} aria-live="polite">
        ${wanted ? found(finding, sorted.length) : listState(list, sorted.length, archived, () => app.loadChats(archived, !list.loaded))}
      </div>
    </nav>
  `;
}

/**
 * New chats that are not made yet, because their first message could not be sent: where they are in no pane that is seen,
 * nothing else leads back to what was typed.
 *
 * @param {{shown: string[]}} props
 */
function Unmade({ shown }) {
  const { app } = useApp();
  const pending = useSelect((state) => state.pending);
  const unmade = Object.values(pending).filter(({ chat }) => !isChat(chat) && !shown.includes(chat));
  return unmade.map(
    ({ client_id, chat, text, status }) => html`
      <li key=${client_id} class="chat-item">
        <a
          href="/"
          onClick=${(/** @type {MouseEvent} */ event) => {
            event.preventDefault();
            app.show(chat);
          }}
        >
          <span class="chat-words">
            <span class="chat-title" dir="auto">${text.slice(0, LINE)}</span>
            <span class="newest-words">${status === "failed" ? t("Could not be sent") : t("Not sent yet")}</span>
          </span>
        </a>
      </li>
    `,
  );
}

/**
 * @param {"" | "looking" | "failed"} finding
 * @param {number} count
 */
function found(finding, count) {
  if (finding === "looking") return html`<p class="list-note">${t("Looking for more…")}</p>`;
  if (finding === "failed") return html`<p class="list-note">${t("The server cannot be asked just now: these are the chats that are loaded.")}</p>`;
  return count ? null : html`<p class="list-note">${t("No title holds these words.")}</p>`;
}

/**
 * @param {import("../types.js").List} list
 * @param {number} count
 * @param {boolean} archived
 * @param {() => void} again
 */
function listState(list, count, archived, again) {
  if (list.loading === "failed") {
    return html`<p class="list-note">${t("The list could not be loaded.")} <button type="button" class="link" onClick=${again}>${t("Try again")}</button></p>`;
  }
  if (!list.loaded) return html`<div class="list-loading" role="img" aria-label=${t("Loading")}><span></span><span></span><span></span></div>`;
  if (list.loading) return html`<p class="list-note">${t("Loading…")}</p>`;
  if (!count) return html`<p class="list-note">${archived ? t("Nothing is archived.") : t("Your chats will be listed here.")}</p>`;
  return null;
}

/** @param {{archived: boolean, onArchived: () => void}} props */
function Foot({ archived, onArchived }) {
  const { config } = useApp();
  const { user, urls } = config;
  const name = user.guest ? t("Guest") : user.name;
  return html`
    <footer class="sidebar-foot">
      ${!archived && html`<button type="button" class="foot-row" onClick=${onArchived}>${icon("archive")}${t("Archived chats")}</button>`}
      <${Preferences} />
      <div class="foot-row person">
        <span class="avatar" aria-hidden="true">${name.slice(0, 1).toUpperCase()}</span>
        <span class="person-name">${name}</span>
        ${user.guest
          ? html`<a class="button" href=${urls.signIn}>${t("Sign in")}</a>`
          : html`
              <form method="post" action=${urls.signOut}>
                <input type="hidden" name="csrfmiddlewaretoken" value=${cookie(document.cookie, "csrftoken")} />
                <button class="icon-button" aria-label=${t("Sign out")} title=${t("Sign out")}>${icon("leave")}</button>
              </form>
            `}
      </div>
    </footer>
  `;
}
