/** What can be done with one message, below it. */
import { useState } from "preact/hooks";
import { t, told } from "../i18n.js";
import { branchOf, busyReason, canContinue } from "../replies.js";
import { memo, useApp, useSelect } from "./context.js";
import { Details } from "./details.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { Tool } from "./tool.js";

/** @typedef {import("../types.js").Message} Message */

export const MessageTools = memo(
  /** @param {{message: Message}} props */
  ({ message }) => {
    const { app, config } = useApp();
    const [details, setDetails] = useState(false);
    const reason = useSelect((state) => busyReason(state, message.chat));
    const goesOn = useSelect((state) => canContinue(state, message));
    const asked = useSelect((state) => Object.values(state.pending).find((one) => one.message === message.id && one.act !== "send"));
    const reply = message.role === "assistant";
    const own = message.role === "user" && message.author === config.user.id;
    return html`
      ${asked && asked.act !== "edit" && html`<${Asked} pending=${asked} />`}
      ${goesOn && !asked && html`<${Mend} message=${message} reason=${reason} />`}
      <div class="message-tools" role="group" aria-label=${reply ? t("This reply") : t("This message")}>
        <${Branches} message=${message} reason=${reason} />
        ${own && html`<${Tool} label=${t("Edit")} icon="edit" reason=${reason} act=${() => void app.edit(message)} />`}
        <${Tool} label=${reply ? t("Copy as Markdown") : t("Copy")} icon="copy" act=${() => void app.saving.copyMessage(message)} />
        ${reply && !goesOn && html`<${Tool} label=${t("Ask for another reply")} icon="retry" reason=${reason} act=${() => app.replies.retry(message)} />`}
        ${reply && html`<${Tool} label=${t("Details")} icon="info" open=${details} act=${() => setDetails(!details)} />`}
      </div>
      ${details && html`<${Details} message=${message} />`}
    `;
  },
);

/** @param {{message: Message, reason: string}} props */
function Branches({ message, reason }) {
  const { app } = useApp();
  const branch = branchOf(message);
  if (!branch) return null;
  /** @param {string | null} other */
  const choose = (other) => other && void app.replies.choose(message.chat, other);
  const { number, count } = branch;
  return html`
    <span class="branches" role="group" aria-label=${t("Version {number} of {count}", { number, count })}>
      <${Tool} label=${t("Previous version")} icon="chevron" flipped=${true} reason=${branch.before ? reason : t("This is the first version")} act=${() => choose(branch.before)} />
      <span aria-hidden="true">${number} / ${count}</span>
      <${Tool} label=${t("Next version")} icon="chevron" reason=${branch.after ? reason : t("This is the last version")} act=${() => choose(branch.after)} />
    </span>
  `;
}

/**
 * A reply that broke off can go on, or be asked for again.
 *
 * @param {{message: Message, reason: string}} props
 */
function Mend({ message, reason }) {
  const { app } = useApp();
  /** @param {() => void} act */
  const unless = (act) => () => (reason ? app.notices.say({ id: "reason", text: `${reason}.` }) : act());
  const props = { type: "button", "aria-disabled": reason ? "true" : null };
  return html`
    <p class="mend">
      <button ...${props} class="button primary" title=${reason || t("Write on from here")} onClick=${unless(() => app.replies.goOn(message))}>${icon("goOn")}${t("Continue")}</button>
      <button ...${props} class="button" title=${reason || t("Ask for a new reply")} onClick=${unless(() => app.replies.retry(message))}>${icon("retry")}${t("Retry")}</button>
    </p>
  `;
}

/** @param {{pending: import("../types.js").Pending}} props */
export function Asked({ pending }) {
  const { app } = useApp();
  const online = useSelect((state) => state.link.status === "online");
  const { client_id: id, status, error } = pending;
  if (status !== "failed") {
    return html`<p class="ending" data-pending=${id}>${online ? t("Asking…") : t("Not sent yet. Waiting for a connection.")}</p>`;
  }
  return html`
    <p class="ending ending-error" role="alert" data-pending=${id}>${icon("alert")}${told(error?.message ?? "")}</p>
    <p class="unsent-tools">
      <button type="button" class="button" onClick=${() => app.outbox.retry(id)}>${t("Try again")}</button>
      <button type="button" class="button" onClick=${() => app.replies.discard(pending)}>${t("Discard")}</button>
    </p>
  `;
}
