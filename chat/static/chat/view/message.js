/** One message, whoever wrote it. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { t, told } from "../i18n.js";
import { memo, useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { MessageEdit } from "./message-edit.js";
import { Asked, MessageTools } from "./message-tools.js";
import { Text } from "./text.js";

/**
 * @typedef {import("../types.js").Message} WholeMessage
 * @typedef {import("../types.js").Part} Part
 */

export const Message = memo(
  /** @param {{message: WholeMessage}} props */
  ({ message }) => {
    if (message.role === "user") return html`<${Own} message=${message} />`;
    const live = message.status === "streaming";
    return html`
      <li class="message from-agent" data-message=${message.id} data-status=${message.status} aria-busy=${live}>
        <h3 class="unseen">${t("Reply")}</h3>
        <${Parts} message=${message} />
        ${message.clipped && !live && html`<${ShowAll} message=${message} />`}
        ${message.clipped &&
        live &&
        html`<p class="ending">${t("The middle of this long reply is left out until it has ended.")}</p>`}
        ${ending(message)}
        ${!live && html`<${MessageTools} message=${message} />`}
      </li>
    `;
  },
);

/** @param {{message: WholeMessage}} props */
function Own({ message }) {
  const editing = useSelect((state) => state.ui.editing === message.id);
  const edit = useSelect((state) => Object.values(state.pending).find((one) => one.message === message.id && one.act === "edit"));
  return html`
    <li class=${`message from-user${edit ? " unsent" : ""}`} data-message=${message.id}>
      <h3 class="unseen">${t("You said")}</h3>
      ${editing
        ? html`<${MessageEdit} message=${message} />`
        : html`
            <div class="bubble" dir="auto">${edit ? edit.text : plainText(message.parts)}</div>
            ${message.clipped && html`<${ShowAll} message=${message} />`}
            ${edit ? html`<${Asked} pending=${edit} />` : html`<${MessageTools} message=${message} />`}
          `}
    </li>
  `;
}

/**
 * One component for a reply while it is written and afterwards, so that its end draws nothing anew: what the reader has
 * selected or unfolded stays.
 *
 * @param {{message: WholeMessage}} props
 */
function Parts({ message }) {
  const live = message.status === "streaming";
  const written = useSelect((state) => (live && message.run ? state.open[message.chat]?.runs[message.run]?.parts : undefined));
  const parts = written ?? message.parts;
  const last = parts.at(-1);
  const silent = live && (!last || (last.type !== "tool_call" && !last.text));
  return html`
    ${parts.map(
      (part, index) =>
        html`<${PartView} key=${`${part.type}-${part.id}`} part=${part} live=${live && index === parts.length - 1} />`,
    )}
    ${silent && html`<p class="thinking" role="img" aria-label=${t("Waiting for the first words")}><span></span><span></span><span></span></p>`}
  `;
}

const PartView = memo(
  /** @param {{part: Part, live: boolean}} props `live`: it is still being written */
  ({ part, live }) => {
    if (part.type === "text") return part.text ? html`<${Text} text=${part.text} live=${live} />` : null;
    if (part.type === "reasoning") {
      return html`
        <details class="aside">
          <summary>${icon("chevron")}${live ? t("Thinking…") : t("Thoughts")}</summary>
          <${Thoughts} text=${part.text} />
        </details>
      `;
    }
    if (part.type === "tool_call") {
      return html`
        <details class="aside">
          <summary>${icon("chevron")}${part.name || t("A tool")}<span class="aside-state">${part.status === "done" ? t("done") : live ? t("running…") : ""}</span></summary>
          <pre class="aside-text">${part.arguments}</pre>
          ${part.result !== null && html`<pre class="aside-text">${part.result}</pre>`}
        </details>
      `;
    }
    return null;
  },
);

/**
 * A text that only grows: what comes is put behind what is there, which leaves a selection in it alone.
 *
 * @param {{text: string}} props
 */
function Thoughts({ text }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  useLayoutEffect(() => {
    const shown = box.current?.firstChild;
    if (shown instanceof window.Text && text.startsWith(shown.data)) shown.appendData(text.slice(shown.data.length));
    else box.current?.replaceChildren(text);
  }, [text]);
  return html`<div class="aside-text" dir="auto" ref=${box}></div>`;
}

/** @param {WholeMessage} message */
function ending(message) {
  const said = message.parts.length > 0;
  switch (message.status) {
    case "stopped":
      return html`<p class="ending">${said ? t("Stopped here.") : t("Stopped before the first word.")}</p>`;
    case "interrupted":
      return html`<p class="ending ending-warning">${icon("alert")}${told(message.error?.message || "") || t("This reply was interrupted.")}</p>`;
    case "failed":
      return html`<p class="ending ending-error">${icon("alert")}${told(message.error?.message || "") || t("This reply failed.")}</p>`;
    case "complete":
      return said ? null : html`<p class="ending">${t("The agent ended without a word.")}</p>`;
    default:
      return null;
  }
}

/** @param {{message: WholeMessage}} props */
function ShowAll({ message }) {
  const { app } = useApp();
  return html`<button type="button" class="link show-all" onClick=${() => app.showAll(message)}>${t("Show all of this long message")}</button>`;
}

/** @param {Part[]} parts */
function plainText(parts) {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("\n");
}
