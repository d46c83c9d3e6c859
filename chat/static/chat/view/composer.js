/** Where one writes. The text is kept as a draft with every key, so a reload loses nothing. */
import { useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";
import { agentTitle } from "../agents.js";
import { t } from "../i18n.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { touchNow } from "./media.js";

/**
 * @typedef {{focus: () => void, put: (text: string) => void, add: (text: string) => void}} ComposerHandle   `put`: before what is there; `add`: behind it
 *
 * @typedef {object} Props
 * @property {string} id          the pane's key
 * @property {string} busy        why nothing can be sent just now, or ""
 * @property {boolean} stoppable  there is a run to stop
 * @property {string} blocked     why nothing can be sent here at all, or ""
 * @property {{current: ComposerHandle | null}} handle
 */

/** @param {Props} props */
export function Composer({ id, busy, stoppable, blocked, handle }) {
  const { app } = useApp();
  const [text, setText] = useState(() => app.drafts.get(id) ?? "");
  const [agent, setAgent] = useState(/** @type {string | null} */ (null));
  const [stopping, setStopping] = useState(false);
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const added = useRef(false);

  /** @param {string} next */
  const write = (next) => {
    setText(next);
    app.keepDraft(id, next);
  };
  useImperativeHandle(
    handle,
    () => ({
      focus: () => field.current?.focus(),
      put: (more) => {
        write(text ? `${more}\n\n${text}` : more);
        field.current?.focus();
      },
      add: (more) => {
        added.current = true;
        write(text.trim() ? `${text.trimEnd()}\n\n${more}` : more);
      },
    }),
    [text],
  );
  // With the text that was added, not a frame later: by then something else may have been selected.
  useLayoutEffect(() => {
    if (!added.current) return;
    added.current = false;
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, [text]);

  const ready = !busy && !blocked && text.trim() !== "";
  const send = () => {
    if (!ready) return;
    app.send(id, text, agent);
    setText("");
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "ArrowUp" && !text && !modified(event) && app.editLast(id)) return event.preventDefault();
    // While an input method is composing, Enter chooses a word. Safari ends the composition first and says so by 229.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229 || touchNow()) return;
    event.preventDefault();
    send();
  };
  const stop = async () => {
    setStopping(true);
    if (!(await app.stop(id))) setStopping(false);
  };
  if (stopping && !stoppable) setStopping(false);
  const agents = useSelect((state) => state.hello?.agents);
  const choice = agents && agents.length > 1;
  const hint = text.trim() && (blocked || busy);

  return html`
    <form
      class="composer"
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="composer-box">
        <div class="grow" data-text=${text}>
          <textarea
            ref=${field}
            rows="1"
            dir=${text ? "auto" : null}
            enterkeyhint="enter"
            aria-label=${t("Message")}
            placeholder=${blocked || t("Ask anything")}
            value=${text}
            onInput=${(/** @type {InputEvent & {currentTarget: HTMLTextAreaElement}} */ event) => write(event.currentTarget.value)}
            onKeyDown=${onKeyDown}
          ></textarea>
        </div>
        ${(choice || hint) &&
        html`
          <div class="composer-tools">
            ${choice && html`<${AgentPicker} id=${id} agents=${agents} agent=${agent} onChoose=${setAgent} />`}
            ${hint && html`<span class="composer-hint">${hint}</span>`}
          </div>
        `}
        ${stoppable
          ? html`<button type="button" class="send stop" aria-label=${t("Stop")} title=${t("Stop")} disabled=${stopping} onClick=${stop}>${icon("stop")}</button>`
          : html`<button class="send" aria-label=${t("Send")} title=${t("Send")} disabled=${!ready}>${icon("send")}</button>`}
      </div>
    </form>
  `;
}

/** @param {KeyboardEvent} event */
function modified(event) {
  return event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
}

/** @param {{id: string, agents: import("../types.js").Agent[], agent: string | null, onChoose: (agent: string) => void}} props */
function AgentPicker({ id, agents, agent, onChoose }) {
  const usual = useSelect((state) => state.chats[id]?.agent);
  return html`
    <select
      class="agent-picker"
      aria-label=${t("Agent")}
      value=${agent ?? usual ?? agents[0]?.name}
      onChange=${(/** @type {Event & {currentTarget: HTMLSelectElement}} */ event) => onChoose(event.currentTarget.value)}
    >
      ${agents.map(({ name, title }) => html`<option value=${name}>${agentTitle(title)}</option>`)}
    </select>
  `;
}
