/** One chat in the list: a link, and what can be done with it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { memo, useApp } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { Menu } from "./menu.js";

/**
 * @typedef {object} Props
 * @property {import("../types.js").Chat} chat
 * @property {boolean} shown     it is in a pane
 * @property {boolean} focused   it is in the pane in use
 * @property {boolean} besides   there is room for another pane
 */
export const ChatItem = memo(
  /** @param {Props} props */
  ({ chat, shown, focused, besides }) => {
    const { app } = useApp();
    const [renaming, setRenaming] = useState(false);
    const item = useRef(/** @type {HTMLLIElement | null} */ (null));
    const title = chat.title || "New chat";

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
    const items = [
      { label: "Rename", icon: /** @type {const} */ ("pencil"), act: () => setRenaming(true) },
      chat.archived
        ? { label: "Bring back", icon: /** @type {const} */ ("unarchive"), act: () => void app.change(chat.id, { archived: false }) }
        : { label: "Archive", icon: /** @type {const} */ ("archive"), act: () => void app.change(chat.id, { archived: true }) },
      { label: "Delete", icon: /** @type {const} */ ("trash"), danger: true, act: () => void app.remove(chat.id) },
    ];

    if (renaming) return html`<li class="chat-item" ref=${item}><${Rename} chat=${chat} onDone=${done} /></li>`;
    return html`
      <li class=${`chat-item${shown ? " shown" : ""}${focused ? " focused" : ""}`} ref=${item}>
        <a href=${`/c/${chat.id}`} aria-current=${focused ? "page" : null} onClick=${onClick} title=${title}>
          <span class="chat-title">${title}</span>
          ${chat.live && html`<span class="live" role="img" aria-label="A reply is being written"></span>`}
        </a>
        <div class="chat-tools">
          ${besides &&
          !shown &&
          html`
            <button type="button" class="icon-button" aria-label=${`Open beside: ${title}`} title="Open beside" onClick=${() => app.show(chat.id, true)}>
              ${icon("beside")}
            </button>
          `}
          <${Menu} label=${`More for ${title}`} items=${items} />
        </div>
      </li>
    `;
  },
);

/** @param {{chat: import("../types.js").Chat, onDone: () => void}} props */
function Rename({ chat, onDone }) {
  const { app } = useApp();
  const over = useRef(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  /** @param {string} [title] */
  const finish = (title) => {
    // Leaving the field ends it too, also when Enter or Escape has just done so.
    if (over.current) return;
    over.current = true;
    const trimmed = title?.trim();
    if (trimmed && trimmed !== chat.title) void app.change(chat.id, { title: trimmed });
    onDone();
  };
  return html`
    <input
      class="rename"
      aria-label="Name of this chat"
      maxlength="200"
      value=${chat.title}
      ref=${field}
      onKeyDown=${(/** @type {KeyboardEvent & {currentTarget: HTMLInputElement}} */ event) => {
        if (event.key === "Enter" && !event.isComposing) finish(event.currentTarget.value);
        if (event.key === "Escape") {
          event.stopPropagation();
          finish();
        }
      }}
      onBlur=${(/** @type {FocusEvent & {currentTarget: HTMLInputElement}} */ event) => finish(event.currentTarget.value)}
    />
  `;
}
