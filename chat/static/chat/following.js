/**
 * Which chats the server tells this tab about: those in panes, and those that were in one and still stream, so that the
 * list shows their newest words and coming back to them is no wait. Opens and closes them on the socket, again after each
 * reconnect, and again where the reducer finds that something is missing.
 */
import { backoff } from "./backoff.js";
import { isChat } from "./panes.js";
import { CommandError } from "./socket.js";

/** @typedef {import("./types.js").State} State */

/** Milliseconds between two openings of one chat because something was missing. */
const REOPEN_GAP = 1_000;
/** A server that is not ready is asked again within two seconds, or when it says. */
const SOME_FAILURES = 3;
/** Chats that are followed to the end of their reply after their pane has gone. */
const MOST_BEHIND = 8;
/** Milliseconds of silence after which a connection is doubted. */
const QUIET = 30_000;
/** No chat is called so: closing it costs the server nothing, and is answered. */
const NO_CHAT = "00000000-0000-4000-8000-000000000000";

export class Following {
  /**
   * @param {import("./state.js").Store} store
   * @param {import("./socket.js").Socket} socket
   * @param {{now: () => number, setTimeout: (call: () => void, milliseconds: number) => unknown}} clock
   */
  constructor(store, socket, clock) {
    this.store = store;
    this.socket = socket;
    this.clock = clock;
    /** @type {Set<string>} chats whose opening is put off */
    this.reopening = new Set();
    store.follow((state, action, before) => {
      if (action.type === "panes" || action.type === "made") this.followPanes(state);
      if (action.type === "frame" && state.open !== before.open) {
        for (const chat of Object.values(state.open)) if (chat.gap && chat.following) this.reopen(chat.id);
        this.letGo(state);
      }
    });
  }

  /** A new socket knows nothing: open again what is shown. */
  openAll() {
    const { state } = this.store;
    const behind = Object.values(state.open).filter((chat) => chat.following && isLive(chat));
    const wanted = new Set([...state.panes.keys.filter(isChat), ...behind.map((chat) => chat.id)]);
    for (const id of wanted) this.open(id);
    for (const chat of Object.values(state.open)) {
      if (chat.following && !wanted.has(chat.id)) this.store.dispatch({ type: "closed", chat: chat.id });
    }
  }

  /** @param {State} state */
  followPanes(state) {
    if (!this.socket.ready) return;
    this.letGo(state);
    for (const id of state.panes.keys.filter(isChat)) {
      const chat = state.open[id];
      // One that was refused is asked for again by hand, or after a reconnect.
      if (!chat || (!chat.following && !chat.error)) this.open(id);
    }
  }

  /**
   * Close what is not shown, unless it streams.
   *
   * @param {State} state
   */
  letGo(state) {
    if (!this.socket.ready) return;
    const hidden = Object.values(state.open).filter((chat) => chat.following && !state.panes.keys.includes(chat.id));
    const behind = hidden.filter((chat) => isLive(chat) && !chat.error).slice(-MOST_BEHIND);
    for (const chat of hidden) {
      if (behind.includes(chat)) continue;
      this.store.dispatch({ type: "closed", chat: chat.id });
      this.socket.request({ type: "chat.close", chat: chat.id }).catch(ignoreLostConnection);
    }
  }

  /**
   * Ask for a chat: for what was missed where something is known of it, else for all.
   *
   * @param {string} id
   */
  open(id) {
    if (!this.socket.ready) return;
    const known = this.store.state.open[id];
    const command = this.socket.nextId();
    this.store.dispatch({ type: "opening", chat: id, command });
    const cursors = known?.ready && known.gap !== "fresh" ? { version: known.version, runs: liveCursors(known) } : {};
    this.socket.request({ type: "chat.open", chat: id, ...cursors }, command).catch((error) => {
      if (error instanceof CommandError && error.passing) this.openLater(id, error.retryAfter);
    });
  }

  /**
   * @param {string} id
   * @param {number} [least] seconds
   */
  openLater(id, least) {
    const delay = backoff(SOME_FAILURES, Math.random, least);
    this.clock.setTimeout(() => this.store.state.panes.keys.includes(id) && this.open(id), delay);
  }

  /** @param {string} id */
  reopen(id) {
    if (this.reopening.has(id)) return;
    this.reopening.add(id);
    this.open(id);
    // Should the server be wrong about a chat, this is how often it is asked.
    this.clock.setTimeout(() => {
      this.reopening.delete(id);
      const chat = this.store.state.open[id];
      if (chat?.gap && chat.following) this.reopen(id);
    }, REOPEN_GAP);
  }

  /**
   * The person looks at the page. A connection may have died unnoticed, on a bad line or while the machine slept: ask
   * something, and if nothing comes back the socket gives it up.
   */
  wake() {
    if (!this.socket.ready || this.clock.now() - this.socket.heard < QUIET) return;
    this.socket.request({ type: "chat.close", chat: NO_CHAT }).catch(ignoreLostConnection);
  }
}

/** @param {import("./types.js").OpenChat} chat */
function isLive(chat) {
  return Object.values(chat.runs).some((run) => run.status === "running");
}

/** @param {import("./types.js").OpenChat} chat */
function liveCursors(chat) {
  const live = Object.values(chat.runs).filter((run) => run.status === "running");
  return Object.fromEntries(live.map((run) => [run.run, run.seq]));
}

/** @param {unknown} error */
function ignoreLostConnection(error) {
  // A connection that is gone follows nothing any more.
  if (!(error instanceof CommandError)) throw error;
}
