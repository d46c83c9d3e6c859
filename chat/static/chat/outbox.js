/**
 * What is asked for and on its way: messages, edits, other replies, continuations. Each is written down before it is sent
 * and crossed out when the server has it, so neither a lost connection nor a reload loses one; and it keeps its
 * `client_id`, so sending it again does nothing twice. Two tabs that hold the same entry may both send it: the server
 * answers both with the same ids. So what a tab left behind when it died is taken over by any other.
 */
import { t } from "./i18n.js";
import { backoff } from "./backoff.js";
import { CommandError } from "./socket.js";

/**
 * @typedef {object} Entry
 * @property {string} client_id
 * @property {string} key         the pane it was typed in: a chat's id, or `new:…` while its chat is to be made
 * @property {string | null} chat
 * @property {import("./types.js").Act} [act]     what is asked for; without it, to send `text`
 * @property {string | null} [message]            the message that is edited, asked for again, or continued
 * @property {string} text
 * @property {string | null} agent
 * @property {number} at          when it was typed: their order
 * @property {import("./types.js").Problem | null} error   the final refusal; it is not sent again by itself
 *
 * @typedef {{text?: string, client_id: string, agent?: string}} Body
 *
 * @typedef {object} Post   how an entry gets out
 * @property {(command: {type: string, [field: string]: unknown}) => Promise<import("./types.js").Ack>} request
 * @property {(chat: string, body: Body, at: string) => Promise<{message: string, run: string}>} send   by HTTP
 * @property {() => import("./types.js").Limits | null} limits
 * @property {(action: import("./local.js").Action) => void} dispatch
 * @property {() => number} now
 * @property {() => number} random
 * @property {(call: () => void, milliseconds: number) => unknown} setTimeout
 */

/** Milliseconds after which what is still unsent may be another tab's that is gone. */
const ORPHANED = 5_000;

export class Outbox {
  /**
   * @param {import("./storage.js").Shelf} shelf
   * @param {Post} post
   */
  constructor(shelf, post) {
    this.shelf = shelf;
    this.post = post;
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Set<string>} */
    this.underWay = new Set();
    /** @type {Map<string, number>} */
    this.failures = new Map();
    /** @type {Set<string>} */
    this.scheduled = new Set();
  }

  /** Take up what an earlier page of this person left. */
  load() {
    this.take(() => true);
    return [...this.entries.values()];
  }

  /** Take over what another tab has not got out for a while; it may have been closed. */
  adopt() {
    for (const entry of this.take((entry) => this.post.now() - entry.at > ORPHANED)) if (!entry.error) void this.deliver(entry);
  }

  /** @param {(entry: Entry) => boolean} wanted */
  take(wanted) {
    const unknown = this.shelf.names().filter((name) => !this.entries.has(name));
    const entries = unknown.map((name) => parse(this.shelf.get(name))).filter((entry) => entry !== null && wanted(entry));
    const taken = /** @type {Entry[]} */ (entries).sort((a, b) => a.at - b.at);
    for (const entry of taken) {
      this.entries.set(entry.client_id, entry);
      this.show(entry);
    }
    return taken;
  }

  /**
   * Another tab has crossed an entry out.
   *
   * @param {string} id
   */
  forget(id) {
    if (!this.entries.has(id) || this.underWay.has(id)) return;
    this.entries.delete(id);
    this.post.dispatch({ type: "discard", client_id: id });
  }

  /**
   * Write an entry down and send it, now or when there is a connection.
   *
   * @param {Pick<Entry, "client_id" | "key" | "chat" | "act" | "message" | "text" | "agent">} fields
   */
  add(fields) {
    const entry = { ...fields, text: sendable(fields.text), at: this.post.now(), error: null };
    this.keep(entry);
    void this.deliver(entry);
  }

  /**
   * Write an entry down and show it, also one that was discarded.
   *
   * @param {Entry} entry
   */
  keep(entry) {
    this.save(entry);
    this.show(entry);
  }

  /** Send everything that waits: there is a connection. */
  flush() {
    for (const entry of this.entries.values()) if (!entry.error) void this.deliver(entry);
  }

  /** @param {string} id */
  retry(id) {
    const entry = this.entries.get(id);
    if (!entry) return;
    entry.error = null;
    this.keep(entry);
    void this.deliver(entry);
  }

  /**
   * Forget an entry; returns its text.
   *
   * @param {string} id
   */
  discard(id) {
    const text = this.entries.get(id)?.text ?? "";
    this.remove(id);
    this.post.dispatch({ type: "discard", client_id: id });
    return text;
  }

  /** @param {Entry} entry */
  async deliver(entry) {
    if (this.underWay.has(entry.client_id)) return;
    this.underWay.add(entry.client_id);
    try {
      const chat = entry.chat ?? (await this.makeChat(entry));
      const { message = "", run = "" } = await this.send(entry, chat);
      this.remove(entry.client_id);
      this.post.dispatch({ type: "sent", client_id: entry.client_id, chat, message, run });
    } catch (error) {
      this.failed(entry, error instanceof CommandError ? error : new CommandError("internal", String(error)));
    } finally {
      this.underWay.delete(entry.client_id);
    }
  }

  /** @param {Entry} entry */
  async makeChat(entry) {
    /** @type {{type: string, [field: string]: unknown}} */
    const command = { type: "chat.create", client_id: entry.client_id };
    if (entry.agent) command.agent = entry.agent;
    const { chat } = await this.post.request(command);
    if (!chat) throw new CommandError("internal", t("The server made no chat. Reload the page and try again."));
    entry.chat = chat.id;
    this.save(entry);
    this.post.dispatch({ type: "made", key: entry.key, chat: chat.id });
    return chat.id;
  }

  /**
   * @param {Entry} entry
   * @param {string} chat
   */
  send(entry, chat) {
    const { act = "send", message, text, client_id, agent } = entry;
    const hasText = act === "send" || act === "edit";
    const body = { ...(hasText ? { text } : {}), client_id, ...(agent ? { agent } : {}) };
    const command = { type: `message.${act}`, chat, ...(message ? { message } : {}), ...body };
    const limits = this.post.limits();
    // The frame limit counts escapes, the text limit does not. 100 bytes are room for the command's id.
    const short = !limits || (bytes(entry.text) <= limits.text && bytes(JSON.stringify(command)) + 100 <= limits.frame);
    return short ? this.post.request(command) : this.post.send(chat, body, message ? `/${message}/${act}` : "");
  }

  /**
   * @param {Entry} entry
   * @param {CommandError} error
   */
  failed(entry, error) {
    if (error.code === "disconnected" || error.passing) return this.later(entry, error.retryAfter);
    entry.error = { code: error.code, message: error.message };
    this.save(entry);
    this.post.dispatch({ type: "failed", client_id: entry.client_id, error: entry.error });
  }

  /**
   * Also when disconnected, though `flush` comes with the connection: long messages go by HTTP, which has no `hello`.
   *
   * @param {Entry} entry
   * @param {number} [least] seconds
   */
  later(entry, least) {
    const id = entry.client_id;
    const failures = (this.failures.get(id) ?? 0) + 1;
    this.failures.set(id, failures);
    if (this.scheduled.has(id)) return;
    this.scheduled.add(id);
    this.post.setTimeout(() => {
      this.scheduled.delete(id);
      if (this.entries.get(id) === entry && !entry.error) void this.deliver(entry);
    }, backoff(failures, this.post.random, least));
  }

  /** @param {Entry} entry */
  show({ client_id, key, chat, act = "send", message = null, text, error }) {
    const status = error ? "failed" : "waiting";
    this.post.dispatch({ type: "pending", pending: { client_id, chat: chat ?? key, act, message, text, status, error } });
  }

  /** @param {Entry} entry */
  save(entry) {
    this.entries.set(entry.client_id, entry);
    this.shelf.set(entry.client_id, JSON.stringify(entry));
  }

  /** @param {string} id */
  remove(id) {
    this.entries.delete(id);
    this.failures.delete(id);
    this.shelf.delete(id);
  }
}

/**
 * @param {string | null} json
 * @returns {Entry | null}
 */
function parse(json) {
  try {
    return json ? JSON.parse(json) : null;
  } catch {
    return null;
  }
}

const encoder = new TextEncoder();

/** @param {string} text */
function bytes(text) {
  return encoder.encode(text).length;
}

/**
 * The text as UTF-8 and databases can hold it: without NUL, and with U+FFFD for half a surrogate pair.
 *
 * @param {string} text
 */
export function sendable(text) {
  return text.replaceAll("\0", "").replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}
