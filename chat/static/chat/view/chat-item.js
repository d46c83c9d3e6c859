/** One chat in the list: a link, how it is, and what can be done with it. */
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { plainWords } from "../markdown/plain.js";
import { ChatMenu } from "./chat-actions.js";
import { memo, useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { Rename } from "./rename.js";

/**
 * Characters: so many are more than the line holds; so many of the newest words are put into it; in so many of Markdown
 * they are looked for, since addresses may be long.
 */
const LINE = 40;
const TAIL = 120;
const LOOKED_AT = 600;

/**
 * @typedef {object} Props
 * @property {import("../types.js").Chat} chat
 * @property {boolean} shown     it is in a pane that is seen
 * @property {boolean} focused   it is in the pane in use
 * @property {boolean} besides   there is room for another pane
 */
export const ChatItem = memo(
  /** @param {Props} props */
  ({ chat, shown, focused, besides }) => {
    const { app } = useApp();
    const [renaming, setRenaming] = useState(false);
    const unread = useSelect((state) => state.unread[chat.id] ?? false);
    const item = useRef(/** @type {HTMLLIElement | null} */ (null));
    const title = chat.title || t("New chat");

    /** @param {MouseEvent} event */
    const onClick = (event) => {
      // Another tab or window is the browser's business.
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      app.show(chat.id);
    };
    const done = () => {
      setRenaming(false);
      requestAnimationFrame(() => item.current?.querySelector("a")?.focus());
    };

    if (renaming) return html`<li class="chat-item" ref=${item}><${Rename} chat=${chat} onDone=${done} /></li>`;
    return html`
      <li class=${`chat-item${shown ? " shown" : ""}${focused ? " focused" : ""}${unread ? " unread" : ""}`} ref=${item}>
        <a href=${`/c/${chat.id}`} aria-current=${focused ? "page" : null} onClick=${onClick} title=${title}>
          ${chat.pinned && html`<span class="pinned" role="img" aria-label=${t("Pinned")}>${icon("pin")}</span>`}
          <span class="chat-words">
            <span class="chat-title" dir="auto">${title}</span>
            ${chat.live && !shown && html`<${NewestWords} id=${chat.id} />`}
          </span>
          ${chat.live && html`<span class="live" role="img" aria-label=${t("A reply is being written")}></span>`}
          ${unread && html`<span class="unread-mark" role="img" aria-label=${t("A new reply")}></span>`}
        </a>
        <div class="chat-tools">
          ${besides &&
          !shown &&
          html`
            <button type="button" class="icon-button" aria-label=${t("Open beside: {title}", { title })} title=${t("Open beside")} onClick=${() => app.show(chat.id, true)}>
              ${icon("beside")}
            </button>
          `}
          <${ChatMenu} chat=${chat} label=${t("More for {title}", { title })} onRename=${() => setRenaming(true)} />
        </div>
      </li>
    `;
  },
);

/**
 * What the reply says just now, where this tab is told and does not show it anyway. Not for screen readers, to whom it
 * would be noise.
 *
 * @param {{id: string}} props
 */
function NewestWords({ id }) {
  const words = useSelect((state) => {
    const run = Object.values(state.open[id]?.runs ?? {}).find((one) => one.status === "running");
    const part = run?.parts.at(-1);
    if (!part || part.type === "tool_call") return "";
    return plainWords(part.text.slice(-LOOKED_AT)).slice(-TAIL);
  });
  return words ? html`<span class=${words.length > LINE ? "newest-words long" : "newest-words"} aria-hidden="true"><bdi>${words}</bdi></span>` : null;
}
