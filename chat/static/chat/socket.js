/**
 * The tab's one WebSocket: it connects, says `hello` back by counting frames, matches answers to commands, and comes back
 * after every close that allows it. It knows nothing of chats; what must survive a reconnect is the outbox's work.
 */
import { t } from "./i18n.js";
import { backoff } from "./backoff.js";

export const PROTOCOL = 1;

/** Characters after which frames are confirmed: at most 48 KiB of UTF-8, and the server asks for every 64 KiB. */
const CONFIRM_CHARACTERS = 16 * 1024;
/** Milliseconds after which frames are confirmed though they were few. */
const CONFIRM_AFTER = 250;
/** Milliseconds for a connection to say `hello`, and for a command to be answered while nothing else comes. */
const PATIENCE = 15_000;
/** Milliseconds that a connection must hold before failures are forgotten. */
const STABLE = 5_000;

export const Close = { PROTOCOL: 4400, SIGNED_OUT: 4401, NOT_ALLOWED: 4403 };

/** Answers that mean "not now": the same command may do in a moment. */
const PASSING = new Set(["draining", "unavailable", "too_many_requests"]);

/** A command was answered with `error`, or could not be: code `disconnected`. */
export class CommandError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [retryAfter] seconds
   */
  constructor(code, message, retryAfter) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }

  get passing() {
    return PASSING.has(this.code);
  }
}

/**
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {import("./types.js").Link} Link
 *
 * @typedef {object} Surroundings   what of the browser is used; tests bring their own
 * @property {(url: string) => WebSocket} connect
 * @property {() => number} now
 * @property {() => number} random
 * @property {(call: () => void, milliseconds: number) => unknown} setTimeout
 * @property {(timer: any) => void} clearTimeout
 *
 * @typedef {object} Listener
 * @property {(frame: Frame) => void} onFrame
 * @property {(link: Link) => void} onLink
 * @property {() => Promise<boolean>} stillSignedIn   asked after close code 4401; rejects when nobody answers
 */

export class Socket {
  /**
   * @param {string} url
   * @param {Listener} listener
   * @param {Surroundings} surroundings
   */
  constructor(url, listener, surroundings) {
    this.url = url;
    this.listener = listener;
    this.env = surroundings;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Map<string, {resolve: (ack: import("./types.js").Ack) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.confirmed = surroundings.now();
  }

  commands = 0;
  failures = 0;
  /** Frames of this connection, and the characters of those that are not confirmed. */
  frames = 0;
  unconfirmed = 0;
  /** When the last frame came. */
  heard = 0;
  /** `hello` has come. */
  ready = false;
  offline = false;
  stopped = false;
  /** The last close said "signed out" though we are not. */
  signedOutBefore = false;
  /** @type {Record<"retry" | "confirm" | "patience" | "stable", any>} */
  timers = { retry: null, confirm: null, patience: null, stable: null };

  /** Connect now, whatever the delay was. Does nothing while connected or stopped for good. */
  connect() {
    if (this.socket || this.stopped) return;
    this.clear("retry");
    this.offline = false;
    this.say("connecting");
    this.resetCounts();
    const socket = this.env.connect(this.url);
    this.socket = socket;
    socket.onmessage = (event) => this.socket === socket && this.receive(event.data);
    socket.onclose = (event) => this.socket === socket && this.lost(event.code);
    this.startPatience();
  }

  /** The browser says that there is no network: stop trying until it says otherwise. */
  goOffline() {
    if (this.stopped) return;
    this.offline = true;
    this.clear("retry");
    if (this.socket) this.drop();
    this.say("offline");
  }

  /** An id for the next command, unique within this page. */
  nextId() {
    this.commands += 1;
    return `c${this.commands}`;
  }

  /**
   * Send a command and wait for its answer. Rejects with a `CommandError`.
   *
   * @param {{type: string, [field: string]: unknown}} command
   * @param {string} [id]
   * @returns {Promise<import("./types.js").Ack>}
   */
  request(command, id = this.nextId()) {
    const { socket } = this;
    if (!socket || !this.ready) return Promise.reject(disconnected());
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ ...command, id }));
      this.startPatience();
    });
  }

  /** @param {string} data */
  receive(data) {
    /** @type {Frame} */
    const frame = JSON.parse(data);
    this.heard = this.env.now();
    this.clear("patience");
    if (frame.type === "hello") {
      if (frame.protocol !== PROTOCOL) return this.stop("reload");
      this.ready = true;
      this.signedOutBefore = false;
      this.timers.stable = this.env.setTimeout(() => (this.failures = 0), STABLE);
    }
    // The state first, then whoever waits for the answer: it may look at the state.
    this.listener.onFrame(frame);
    if (frame.type === "hello") this.say("online");
    if (frame.type === "ack") this.settle(frame.id)?.resolve(frame);
    if (frame.type === "error" && frame.id) {
      this.settle(frame.id)?.reject(new CommandError(frame.code, frame.message, frame.retry_after));
    }
    this.confirm(data.length);
    if (this.waiting.size) this.startPatience();
  }

  /** @param {string} id */
  settle(id) {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    return waiting;
  }

  resetCounts() {
    this.ready = false;
    this.frames = 0;
    this.unconfirmed = 0;
    this.confirmed = this.env.now();
  }

  /**
   * Count a frame, and confirm when enough came. Not left to a timer alone: a background tab's timers run once a minute.
   *
   * @param {number} characters
   */
  confirm(characters) {
    this.frames += 1;
    this.unconfirmed += characters;
    if (this.unconfirmed >= CONFIRM_CHARACTERS || this.env.now() - this.confirmed >= CONFIRM_AFTER) this.sendReceived();
    else this.timers.confirm ??= this.env.setTimeout(() => this.sendReceived(), CONFIRM_AFTER);
  }

  sendReceived() {
    this.clear("confirm");
    if (!this.socket || !this.unconfirmed) return;
    this.socket.send(JSON.stringify({ type: "received", count: this.frames }));
    this.unconfirmed = 0;
    this.confirmed = this.env.now();
  }

  /** A connection can be dead without a sign. When an answer is due and nothing at all comes, it is given up. */
  startPatience() {
    this.timers.patience ??= this.env.setTimeout(() => {
      this.drop();
      this.later();
    }, PATIENCE);
  }

  /** Let go of the connection; nothing more of it is heard. */
  drop() {
    const { socket } = this;
    this.socket = null;
    this.ready = false;
    for (const timer of /** @type {const} */ (["confirm", "patience", "stable"])) this.clear(timer);
    socket?.close();
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of waiting) reject(disconnected());
  }

  /** @param {number} code */
  lost(code) {
    this.drop();
    if (code === Close.PROTOCOL) this.stop("reload");
    else if (code === Close.NOT_ALLOWED) this.stop("forbidden");
    else if (code === Close.SIGNED_OUT) void this.signedOut();
    else this.later();
  }

  async signedOut() {
    // Asked once: a server that knows us over HTTP and refuses us here again and again would keep us busy for ever.
    if (this.signedOutBefore) return this.stop("signed_out");
    this.say("connecting");
    try {
      if (!(await this.listener.stillSignedIn())) return this.stop("signed_out");
      this.signedOutBefore = true;
    } catch {
      // Nobody answered, so nobody said that we are signed out.
    }
    // Unless it has connected meanwhile, or there is no network.
    if (!this.offline && !this.socket) this.later();
  }

  later() {
    this.failures += 1;
    const delay = backoff(this.failures, this.env.random);
    this.say("waiting", this.env.now() + delay);
    this.clear("retry");
    this.timers.retry = this.env.setTimeout(() => this.connect(), delay);
  }

  /** @param {Link["reason"]} reason */
  stop(reason) {
    this.stopped = true;
    this.drop();
    this.clear("retry");
    this.say("stopped", 0, reason);
  }

  /**
   * @param {Link["status"]} status
   * @param {number} [retryAt]
   * @param {Link["reason"]} [reason]
   */
  say(status, retryAt = 0, reason = "") {
    this.listener.onLink({ status, retryAt, reason });
  }

  /** @param {keyof Socket["timers"]} name */
  clear(name) {
    if (this.timers[name] !== null) this.env.clearTimeout(this.timers[name]);
    this.timers[name] = null;
  }
}

function disconnected() {
  return new CommandError("disconnected", t("There is no connection to the server just now."));
}
