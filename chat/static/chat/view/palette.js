/** The palette: type a few letters of a chat or an action, and press Enter. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t, tn } from "../i18n.js";
import { folded, inOrder } from "../list.js";
import { isChat, NEW } from "../panes.js";
import { busyReason, canContinue, lastReply } from "../replies.js";
import { chatActions } from "./chat-actions.js";
import { useApp, useSelect } from "./context.js";
import { Dialog } from "./dialog.js";
import { useFind } from "./find.js";
import { html } from "./html.js";
import { icon } from "./icon.js";
import { useRoom } from "./media.js";

/** Chats that are offered at once; typing narrows them down. */
const MOST = 50;

/**
 * @typedef {object} Choice
 * @property {string} id
 * @property {string} label
 * @property {Parameters<typeof icon>[0]} icon
 * @property {string} [note]
 * @property {boolean} [danger]
 * @property {() => void} act
 *
 * @param {{onClose: () => void, onShortcuts: () => void}} props
 */
export function Palette({ onClose, onShortcuts }) {
  const { app, store } = useApp();
  const [words, setWords] = useState("");
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const chats = useSelect((state) => state.chats);
  const room = useRoom();
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const choices = useMemo(() => matching([...jumps(app, chats), ...actions(app, onShortcuts)], words), [chats, words, room]);
  // To go where one is already would be nothing to begin with.
  const start = !words.trim() && isChat(here()) && choices[0]?.id === here() ? 1 : 0;
  const chosen = Math.min(at ?? start, choices.length - 1);
  const finding = useFind(words.trim(), false);
  useEffect(() => list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }), [chosen, choices]);

  /** @param {Choice | undefined} choice */
  const run = (choice) => {
    if (!choice) return;
    // First the dialog gives the focus back; what the choice does may take it elsewhere.
    field.current?.closest("dialog")?.close();
    requestAnimationFrame(choice.act);
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.isComposing) return;
    const last = choices.length - 1;
    const next = { ArrowDown: chosen < last ? chosen + 1 : 0, ArrowUp: chosen > 0 ? chosen - 1 : last, PageDown: Math.min(chosen + 8, last), PageUp: Math.max(chosen - 8, 0) }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setAt(next);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(choices[chosen]);
    }
  };

  return html`
    <${Dialog} label=${t("Jump to a chat, or run an action")} kind="palette" onClose=${onClose}>
      <label class="palette-field">
        ${icon("search")}
        <input
          ref=${field}
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-choices"
          aria-activedescendant=${choices[chosen] ? `choice-${choices[chosen].id}` : null}
          aria-label=${t("Chat or action")}
          placeholder=${t("Chat or action")}
          autocomplete="off"
          value=${words}
          onInput=${(/** @type {InputEvent & {currentTarget: HTMLInputElement}} */ event) => {
            setWords(event.currentTarget.value);
            setAt(null);
          }}
          onKeyDown=${onKeyDown}
        />
      </label>
      <ul id="palette-choices" class="palette-choices" role="listbox" aria-label=${t("Chats and actions")} ref=${list}>
        ${choices.map(
          (choice, index) => html`
            <li
              key=${choice.id}
              id=${`choice-${choice.id}`}
              role="option"
              aria-selected=${index === chosen}
              class=${choice.danger ? "danger" : null}
              onPointerMove=${() => index !== chosen && setAt(index)}
              onClick=${() => run(choice)}
            >
              ${icon(choice.icon)}<span class="choice-label" dir="auto">${choice.label}</span>${choice.note && html`<span class="choice-note">${choice.note}</span>`}
            </li>
          `,
        )}
      </ul>
      ${!choices.length && html`<p class="list-note">${none(finding)}</p>`}
      <div class="unseen" role="status">${words ? tn("One match", "{count} matches", choices.length) : ""}</div>
    <//>
  `;

  /** The pane in use. */
  function here() {
    const { panes } = store.state;
    return panes.keys[panes.focus] ?? NEW;
  }

  /**
   * @param {import("../app.js").App} app
   * @param {State["chats"]} chats
   * @returns {Choice[]}
   */
  function jumps(app, chats) {
    const { panes } = store.state;
    const all = [...inOrder(Object.values(chats), false), ...inOrder(Object.values(chats), true)];
    return all.map((chat) => ({
      id: chat.id,
      label: chat.title || t("New chat"),
      icon: "chat",
      note: chat.id === here() ? t("current") : panes.keys.includes(chat.id) ? t("in a pane") : chat.archived ? t("archived") : "",
      act: () => app.show(chat.id),
    }));
  }

  /**
   * @param {import("../app.js").App} app
   * @param {() => void} onShortcuts
   * @returns {Choice[]}
   */
  function actions(app, onShortcuts) {
    const { state } = store;
    const key = here();
    const chat = state.chats[key];
    const reply = lastReply(state, key);
    const running = Object.values(state.open[key]?.runs ?? {}).some((run) => run.status === "running");
    /** @type {(Choice | false | null | undefined | "")[]} */
    const offered = [
      { id: "new", label: t("New chat"), icon: "plus", act: () => app.show(NEW) },
      room > 1 && { id: "beside", label: t("New chat beside this one"), icon: "beside", act: () => app.show(NEW, true) },
      running && { id: "stop", label: t("Stop the reply"), icon: "stop", act: () => void app.stop(key) },
      app.selected?.chat === key && { id: "quote", label: t("Quote what is selected"), icon: "quote", act: () => app.quoteSelection() },
      reply && !busyReason(state, key) && { id: "retry", label: t("Ask for another reply"), icon: "retry", act: () => app.replies.retry(reply) },
      reply && canContinue(state, reply) && !busyReason(state, key) && { id: "continue", label: t("Continue the reply"), icon: "goOn", act: () => app.replies.goOn(reply) },
      isChat(key) && !busyReason(state, key) && { id: "edit", label: t("Edit your last message"), icon: "edit", act: () => void app.editLast(key) },
      state.panes.keys.length > 1 && { id: "close", label: t("Close this chat's pane"), icon: "close", act: () => app.closePane(key) },
      { id: "shortcuts", label: t("Keyboard shortcuts"), icon: "keyboard", act: onShortcuts },
    ];
    const whole = chat ? chatActions(app, chat, () => store.dispatch({ type: "ui", ui: { renaming: chat.id } })) : [];
    const ofChat = whole.map((item, index) => ({ id: `chat-${index}`, label: t("This chat: {action}", { action: item.label }), icon: item.icon, danger: item.danger ?? false, act: item.act }));
    return [...offered.filter((choice) => !!choice), ...ofChat];
  }
}

/** @typedef {import("../types.js").State} State */

/** @param {ReturnType<typeof useFind>} finding */
function none(finding) {
  if (finding === "looking") return t("Looking for more…");
  return finding ? t("The server cannot be asked just now.") : t("Nothing is called that.");
}

/**
 * Those that hold every word that was typed; without words, the newest chats after what can be done.
 *
 * @param {Choice[]} choices
 * @param {string} words
 */
function matching(choices, words) {
  const wanted = folded(words).split(/\s+/).filter(Boolean);
  const found = choices.filter(({ label }) => {
    const name = folded(label);
    return wanted.every((word) => name.includes(word));
  });
  const chats = found.filter((choice) => choice.icon === "chat").slice(0, MOST);
  return [...chats, ...found.filter((choice) => choice.icon !== "chat")];
}
