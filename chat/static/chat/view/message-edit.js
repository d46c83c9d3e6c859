/** Saying something else instead of an own message, where it stands. */
import { useEffect, useRef, useState } from "preact/hooks";
import { textOf } from "../export.js";
import { t } from "../i18n.js";
import { busyReason } from "../replies.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { touchNow } from "./media.js";

/** @param {{message: import("../types.js").Message}} props */
export function MessageEdit({ message }) {
  const { app, store } = useApp();
  const said = textOf(message.parts);
  const [text, setText] = useState(() => app.replies.draft(message) ?? said);
  const reason = useSelect((state) => busyReason(state, message.chat));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
    element?.scrollIntoView({ block: "nearest" });
  }, []);

  /** @param {string} next */
  const write = (next) => {
    setText(next);
    if (next === said) app.replies.drop(message);
    else app.replies.keep(message, next);
  };
  /** What was typed is kept, for the next time. */
  const close = () => {
    store.dispatch({ type: "ui", ui: { editing: null } });
    requestAnimationFrame(() => document.querySelector(/** @type {"button"} */ (`[data-message="${message.id}"] [data-tool="edit"]`))?.focus());
  };
  const ready = text.trim() !== "" && text !== said && !reason;
  const send = () => {
    if (!ready) return;
    app.replies.edit(message, text);
    store.dispatch({ type: "ui", ui: { editing: null } });
    app.composers.get(message.chat)?.focus();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && !event.shiftKey && !touchNow()) {
      event.preventDefault();
      send();
    }
  };

  return html`
    <form
      class="message-edit"
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="grow" data-text=${text}>
        <textarea
          ref=${field}
          rows="1"
          dir="auto"
          enterkeyhint="enter"
          aria-label=${t("Edit your message")}
          value=${text}
          onInput=${(/** @type {InputEvent & {currentTarget: HTMLTextAreaElement}} */ event) => write(event.currentTarget.value)}
          onKeyDown=${onKeyDown}
        ></textarea>
      </div>
      <p class="edit-tools">
        <span class="composer-hint">${reason || t("What follows stays in its own branch.")}</span>
        <button type="button" class="button" onClick=${close}>${t("Cancel")}</button>
        <button class="button primary" disabled=${!ready}>${t("Send")}</button>
      </p>
    </form>
  `;
}
