/** What one can do with messages: say something else, ask for another reply, let one go on, show another branch. */
import { t } from "./i18n.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Message} Message
 */

/** Replies that did not come to their end. */
const BROKEN_OFF = new Set(["stopped", "interrupted", "failed"]);
/** @type {import("./types.js").OpenChat["runs"]} */
const NO_RUNS = {};
/**
 * Whether one of these runs is running. Each message of a chat asks with each frame, and a chat that was open for long has
 * many runs; they are another object whenever one of them has changed.
 *
 * @type {WeakMap<object, boolean>}
 */
const running = new WeakMap();

/**
 * Why nothing can be asked for in a chat just now, or "".
 *
 * @param {State} state
 * @param {string} id
 */
export function busyReason(state, id) {
  if (isRunning(state.open[id]?.runs ?? NO_RUNS)) return t("Wait for the reply, or stop it first");
  if (Object.values(state.pending).some((pending) => pending.chat === id && pending.status !== "failed")) {
    return t("Something of yours is still on its way");
  }
  return "";
}

/** @param {import("./types.js").OpenChat["runs"]} runs */
function isRunning(runs) {
  const known = running.get(runs) ?? Object.values(runs).some((run) => run.status === "running");
  running.set(runs, known);
  return known;
}

/**
 * Whether a reply can be continued: the last one, that broke off.
 *
 * @param {State} state
 * @param {Message} message
 */
export function canContinue(state, message) {
  const last = state.open[message.chat]?.order.at(-1);
  return message.role === "assistant" && last === message.id && BROKEN_OFF.has(message.status);
}

/**
 * The last reply that is shown in a chat.
 *
 * @param {State} state
 * @param {string} id
 */
export function lastReply(state, id) {
  const chat = state.open[id];
  const last = chat?.messages[chat.order.at(-1) ?? ""];
  return last?.role === "assistant" ? last : null;
}

/**
 * The last message of this person in a chat.
 *
 * @param {State} state
 * @param {string} id
 * @param {string} user
 */
export function lastOwn(state, id, user) {
  const chat = state.open[id];
  const found = chat?.order.findLast((message) => chat.messages[message]?.author === user);
  return found ? (chat?.messages[found] ?? null) : null;
}

/**
 * The messages that stand in place of the same one, of which one is shown: which of how many, and its neighbours.
 *
 * @param {Message} message
 */
export function branchOf(message) {
  const siblings = message.siblings ?? [];
  const at = siblings.indexOf(message.id);
  if (siblings.length < 2 || at < 0) return null;
  return { number: at + 1, count: siblings.length, before: siblings[at - 1] ?? null, after: siblings[at + 1] ?? null };
}

export class Replies {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
  }

  /**
   * @param {Message} message
   * @param {string} text
   */
  edit(message, text) {
    this.ask("edit", message, text);
    this.drop(message);
  }

  /** @param {Message} message */
  retry(message) {
    this.ask("retry", message);
  }

  /** @param {Message} message */
  goOn(message) {
    this.ask("continue", message);
  }

  /**
   * @param {"edit" | "retry" | "continue"} act
   * @param {Message} message
   * @param {string} [text]
   */
  ask(act, message, text = "") {
    const { outbox, newId } = this.app;
    outbox.add({ client_id: newId(), key: message.chat, chat: message.chat, act, message: message.id, text, agent: null });
  }

  /**
   * Show another branch, here and wherever the chat is open.
   *
   * @param {string} chat
   * @param {string} message
   */
  choose(chat, message) {
    const { socket, api } = this.app;
    return this.app.attempt(async () => {
      await (socket.ready ? socket.request({ type: "message.choose", chat, message }) : api.choose(chat, message));
    });
  }

  /**
   * Give up what was refused. The text of an edit is kept, for the next try.
   *
   * @param {import("./types.js").Pending} pending
   */
  discard({ client_id, act, message }) {
    const text = this.app.outbox.discard(client_id);
    if (act === "edit" && message) this.app.drafts.set(`edit.${message}`, text);
  }

  // --- Edits that are not sent yet ---

  /** @param {Message} message */
  draft(message) {
    return this.app.drafts.get(`edit.${message.id}`);
  }

  /**
   * @param {Message} message
   * @param {string} text
   */
  keep(message, text) {
    this.app.drafts.set(`edit.${message.id}`, text);
  }

  /** @param {Message} message */
  drop(message) {
    this.app.drafts.delete(`edit.${message.id}`);
  }
}
