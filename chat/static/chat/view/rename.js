/** Giving a chat another name, where the name stands. */
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n.js";
import { useApp } from "./context.js";
import { html } from "./html.js";

/** @param {{chat: import("../types.js").Chat, onDone: () => void}} props */
export function Rename({ chat, onDone }) {
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
  // No `value`, which each change of the chat would write over what is being typed.
  return html`
    <input
      class="rename"
      dir="auto"
      aria-label=${t("Name of this chat")}
      maxlength="200"
      defaultValue=${chat.title}
      ref=${field}
      onKeyDown=${(/** @type {KeyboardEvent & {currentTarget: HTMLInputElement}} */ event) => {
        if (event.key === "Enter" && !event.isComposing) finish(event.currentTarget.value);
        if (event.key === "Escape") {
          event.stopPropagation();
          finish();
        }
      }}
      onBlur=${(/** @type {FocusEvent & {currentTarget: HTMLInputElement}} */ event) => {
        // In another window one has not left the field: it has the focus again when one comes back.
        if (document.activeElement !== event.currentTarget) finish(event.currentTarget.value);
      }}
    />
  `;
}
