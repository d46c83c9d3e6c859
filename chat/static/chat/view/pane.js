/** One chat beside others: its head, its messages, its composer; and what it looks like before there is anything. */
import { useEffect, useRef } from "preact/hooks";
import { isChat, titleOf } from "../panes.js";
import { t, told } from "../i18n.js";
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
 * @property {(() => void) | null} onMenu   opens the list of chats, where it is a drawer
 *
 * @param {Props} props
 */
export function Pane({ id, focused, alone, onMenu }) {
  const { app } = useApp();
  const busy = useSelect((state) => busyReason(state, id) !== "");
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
      <${Head} id=${id} alone=${alone} onMenu=${onMenu} />
      <${Body} id=${id} pending=${pending.length} onEdit=${(/** @type {string} */ text) => composer.current?.put(text)} />
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

/** @param {Pick<Props, "id" | "alone" | "onMenu">} props */
function Head({ id, alone, onMenu }) {
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
      ${onMenu && html`<button type="button" class="icon-button open-drawer" aria-label=${t("Chats")} onClick=${onMenu}>${icon("menu")}</button>`}
      <h2 class=${renaming ? "unseen" : "pane-title"} title=${title} onDblClick=${() => chat && app.store.dispatch({ type: "ui", ui: { renaming: id } })}>${title}</h2>
      ${chat && renaming && html`<${Rename} chat=${chat} onDone=${done} />`}
      ${chat && html`<${ChatMenu} chat=${chat} label=${t("Actions for this chat")} onRename=${() => app.store.dispatch({ type: "ui", ui: { renaming: id } })} />`}
      ${!(alone && !isChat(id)) &&
      html`
        <button type="button" class="icon-button" aria-label=${t("Close {title}", { title })} title=${t("Close")} onClick=${() => app.closePane(id)}>
          ${icon("close")}
        </button>
      `}
    </header>
  `;
}

/** @param {{id: string, pending: number, onEdit: (text: string) => void}} props */
function Body({ id, pending, onEdit }) {
  const { app } = useApp();
  const ready = useSelect((state) => state.open[id]?.ready ?? false);
  const error = useSelect((state) => state.open[id]?.error ?? null);
  const empty = useSelect((state) => !state.open[id]?.order.length);
  if (error) {
    return html`
      <div class="pane-note" role="alert">
        ${icon("alert")}
        <p>${told(error.message)}</p>
        ${error.code === "not_found"
          ? html`<button type="button" class="button" onClick=${() => app.closePane(id)}>${t("Close")}</button>`
          : html`<button type="button" class="button" onClick=${() => app.following.open(id)}>${t("Try again")}</button>`}
      </div>
      ${pending > 0 && html`<${Messages} id=${id} onEdit=${onEdit} />`}
    `;
  }
  if (pending || (ready && !empty)) return html`<${Messages} id=${id} onEdit=${onEdit} />`;
  if (!isChat(id) || ready) {
    return html`
      <div class="pane-note pane-empty">
        <p class="greeting">${t("What is on your mind?")}</p>
        <p>${t("Replies keep coming while you open other chats, and go on if you close the page.")}</p>
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
