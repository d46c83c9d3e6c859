/** One chat beside others: its head, its messages, its composer; and what it looks like before there is anything. */
import { useEffect, useRef } from "preact/hooks";
import { isChat, NEW, titleOf } from "../panes.js";
import { t, tn, told } from "../i18n.js";
import { busyReason } from "../replies.js";
import { ChatMenu } from "./chat-actions.js";
import { Composer } from "./composer.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { Messages, usePending } from "./messages.js";
import { Rename } from "./rename.js";

/**
 * @typedef {object} Props
 * @property {string} id                    the pane's key
 * @property {boolean} focused
 * @property {boolean} alone                the only pane there is
 * @property {string[]} waiting             the panes for which there is no room, where this one tells of them
 * @property {number} room                  how many panes fit
 * @property {boolean} besides              there is room for one more, beside this one
 * @property {(() => void) | null} onMenu   opens the list of chats, where it is away and this pane has the button
 *
 * @param {Props} props
 */
export function Pane({ id, focused, alone, waiting, room, besides, onMenu }) {
  const { app } = useApp();
  const busy = useSelect((state) => busyReason(state, id));
  const running = useSelect((state) => Object.values(state.open[id]?.runs ?? {}).some((run) => run.status === "running"));
  const error = useSelect((state) => state.open[id]?.error ?? null);
  const pending = usePending(id);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const composer = useRef(/** @type {import("./composer.js").ComposerHandle | null} */ (null));
  useEffect(() => {
    if (focused && mayTakeFocus(root.current)) composer.current?.focus();
  }, [focused]);
  useEffect(() => {
    app.composers.set(id, { focus: () => composer.current?.focus(), put: (text) => composer.current?.put(text), add: (text) => composer.current?.add(text) });
    return () => void app.composers.delete(id);
  }, [id]);

  return html`
    <section class=${`pane${focused ? " focused" : ""}`} ref=${root} data-pane=${id} onFocusIn=${() => app.focusPane(id)}>
      <${Head} id=${id} alone=${alone} running=${running} waiting=${waiting} besides=${besides} onMenu=${onMenu} />
      <${Body} id=${id} room=${room} pending=${pending.length} onEdit=${(/** @type {string} */ text) => composer.current?.put(text)} />
      <${Composer}
        id=${id}
        handle=${composer}
        busy=${busy}
        stoppable=${running}
        blocked=${error?.code === "not_found" ? t("This chat is not here") : ""}
      />
    </section>
  `;
}

/** @param {Pick<Props, "id" | "alone" | "waiting" | "besides" | "onMenu"> & {running: boolean}} props */
function Head({ id, alone, running, waiting, besides, onMenu }) {
  const { app } = useApp();
  const title = useSelect((state) => titleOf(state, id));
  const chat = useSelect((state) => state.chats[id]);
  const renaming = useSelect((state) => state.ui.renaming === id);
  const head = useRef(/** @type {HTMLElement | null} */ (null));
  const done = () => {
    app.store.dispatch({ type: "ui", ui: { renaming: null } });
    requestAnimationFrame(() => head.current?.querySelector(/** @type {"button"} */ (".menu > button"))?.focus());
  };
  return html`
    <header class="pane-head" ref=${head}>
      ${onMenu && html`<${OpenList} onClick=${onMenu} />`}
      <h2 class=${renaming ? "unseen" : "pane-title"} dir="auto" title=${title} onDblClick=${() => chat && app.store.dispatch({ type: "ui", ui: { renaming: id } })}>${title}</h2>
      ${chat && renaming && html`<${Rename} chat=${chat} onDone=${done} />`}
      ${running && html`<span class="live" role="img" aria-label=${t("A reply is being written")}></span>`}
      <div class="pane-tools">
        ${waiting.length > 0 && html`<${MorePanes} keys=${waiting} />`}
        ${besides && html`<${Begin} id=${id} label=${t("Another chat beside this one")} icon="beside" beside=${true} />`}
        ${onMenu && isChat(id) && html`<${Begin} id=${id} label=${t("New chat")} icon="plus" beside=${false} />`}
        ${chat && html`<${ChatMenu} chat=${chat} label=${t("Actions for this chat")} onRename=${() => app.store.dispatch({ type: "ui", ui: { renaming: id } })} />`}
        ${!alone &&
        html`
          <button type="button" class="icon-button" aria-label=${t("Close {title}", { title })} title=${t("Close")} onClick=${() => app.closePane(id)}>
            ${icon("close")}
          </button>
        `}
      </div>
    </header>
  `;
}

/**
 * Begins a chat, in this pane or beside it.
 *
 * @param {{id: string, label: string, icon: Parameters<typeof icon>[0], beside: boolean}} props
 */
function Begin({ id, label, icon: name, beside }) {
  const { app } = useApp();
  const begin = () => {
    app.focusPane(id);
    app.show(NEW, beside);
  };
  return html`<button type="button" class="icon-button" aria-label=${label} title=${label} onClick=${begin}>${icon(name)}</button>`;
}

/**
 * Opens the list of chats, and says what is new in it while it is away. Panes say for themselves that they are written.
 *
 * @param {{onClick: () => void}} props
 */
function OpenList({ onClick }) {
  const unread = useSelect((state) => Object.keys(state.unread).length > 0);
  const live = useSelect((state) => Object.values(state.chats).some((chat) => chat.live && !state.panes.keys.includes(chat.id)));
  const label = unread ? t("Chats: there is a new reply") : live ? t("Chats: a reply is being written") : t("Chats");
  return html`
    <button type="button" class="icon-button open-drawer" aria-label=${label} onClick=${onClick}>
      ${icon("menu")}${(unread || live) && html`<span class=${unread ? "unread-mark" : "live"}></span>`}
    </button>
  `;
}

/**
 * How many more chats are open than fit, and whether one of them is being written; a click goes on to the next.
 *
 * @param {{keys: string[]}} props
 */
function MorePanes({ keys }) {
  const { app } = useApp();
  const [next = ""] = keys;
  const title = useSelect((state) => titleOf(state, next));
  const live = useSelect((state) => keys.some((key) => state.chats[key]?.live));
  const said = tn("One more chat is open: {title}", "{count} more chats are open, next {title}", keys.length, { title });
  return html`
    <button type="button" class="icon-button more-panes" title=${said} onClick=${() => app.focusPane(next)}>
      ${icon("panes")}<span aria-hidden="true">${keys.length}</span>${live && html`<span class="live"></span>`}
      <span class="unseen">${live ? `${said}. ${t("A reply is being written")}` : said}</span>
    </button>
  `;
}

/** @param {{id: string, room: number, pending: number, onEdit: (text: string) => void}} props */
function Body({ id, room, pending, onEdit }) {
  const { app } = useApp();
  const ready = useSelect((state) => state.open[id]?.ready ?? false);
  const error = useSelect((state) => state.open[id]?.error ?? null);
  const empty = useSelect((state) => !state.open[id]?.order.length);
  const gone = error?.code === "not_found";
  // What is here already stays, and where it is: the reader's place, what is selected, an edit that has begun.
  const instead = error && (gone || !ready);
  const refusal =
    error &&
    html`
      <div class=${instead ? "pane-note" : "banner"} role="alert">
        ${icon("alert")}
        <p>${told(error.message)}</p>
        ${gone
          ? html`<button type="button" class="button" onClick=${() => app.closePane(id)}>${t("Close")}</button>`
          : html`<button type="button" class="button" onClick=${() => app.following.open(id)}>${t("Try again")}</button>`}
      </div>
    `;
  if (pending || (ready && !empty && !instead)) return html`${refusal}<${Messages} id=${id} onEdit=${onEdit} />`;
  if (instead) return refusal;
  if (!isChat(id) || ready) {
    return html`
      ${refusal}
      <div class="pane-note pane-empty">
        <p class="greeting">${t("What is on your mind?")}</p>
        <p>${t("Replies keep going while you open other chats, even if you close the page.")}</p>
        ${room > 1 && html`<p>${t("Up to {count} chats fit side by side: once one has begun, a button at its top opens another beside it.", { count: room })}</p>`}
      </div>
    `;
  }
  return html`<div class="pane-loading" role="img" aria-label=${t("Loading")}><span></span><span></span><span></span></div>`;
}

/**
 * Showing a pane puts the cursor into its composer, but not out of another field, and not where that would bring up a
 * keyboard over the page.
 *
 * @param {HTMLElement | null} pane
 */
function mayTakeFocus(pane) {
  const active = document.activeElement;
  if (!pane || pane.contains(active) || !matchMedia("(pointer: fine)").matches) return false;
  return !(active instanceof HTMLInputElement);
}
