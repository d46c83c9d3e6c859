/**
 * Which chats have a reply that ended while nobody looked, in this browser. A chat that streams is written down as `live`,
 * so that its end is noticed also when no tab was open; what ended unseen is `unread` until some tab shows it. Each chat
 * is an entry of its own, so that tabs do not overwrite each other.
 */

/** So many chats are remembered; those written down first go first. */
const MOST = 200;

export class Unread {
  /**
   * @param {import("./state.js").Store} store
   * @param {import("./storage.js").Shelf} shelf
   * @param {() => string[]} watching   the chats that are before somebody's eyes here
   * @param {() => number} now
   */
  constructor(store, shelf, watching, now) {
    this.store = store;
    this.shelf = shelf;
    this.watching = watching;
    this.now = now;
    /** @type {Map<string, "live" | "unread">} */
    this.marks = new Map();
    this.load();
    store.follow((state, action, before) => {
      if (action.type === "removed") this.forget([action.chat]);
      if (action.type === "frame" && action.frame.type === "chats.changed") this.forget(action.frame.removed);
      if (state.chats !== before.chats || state.panes !== before.panes) this.look();
    });
  }

  /** Read what is written down: at the start, and when another tab has written. */
  load() {
    const found = this.shelf.names().map((chat) => ({ chat, ...parse(this.shelf.get(chat) ?? "") }));
    const kept = found.sort((a, b) => b.at - a.at).slice(0, MOST);
    for (const { chat } of found.slice(MOST)) this.shelf.delete(chat);
    this.marks = new Map(kept.map(({ chat, mark }) => [chat, mark]));
    this.look();
    this.show();
  }

  /** Compare with what is known of the chats now. */
  look() {
    const watched = new Set(this.watching());
    for (const chat of Object.values(this.store.state.chats)) {
      const mark = this.marks.get(chat.id);
      if (chat.live && mark !== "live") this.mark(chat.id, "live");
      else if (!chat.live && mark === "live") this.ended(chat.id, watched.has(chat.id));
      else if (!chat.live && mark === "unread" && watched.has(chat.id)) this.forget([chat.id]);
    }
    this.show();
  }

  /**
   * @param {string} chat
   * @param {boolean} seen
   */
  ended(chat, seen) {
    // Another tab may have shown the end, and crossed it out.
    if (seen || this.shelf.get(chat) === null) this.forget([chat]);
    else this.mark(chat, "unread");
  }

  /**
   * @param {string} chat
   * @param {"live" | "unread"} mark
   */
  mark(chat, mark) {
    this.marks.set(chat, mark);
    this.shelf.set(chat, `${mark} ${this.now()}`);
  }

  /** @param {string[]} chats */
  forget(chats) {
    for (const chat of chats) {
      if (!this.marks.delete(chat)) continue;
      this.shelf.delete(chat);
    }
    this.show();
  }

  show() {
    const unread = [...this.marks].filter(([, mark]) => mark === "unread").map(([chat]) => chat);
    const shown = this.store.state.unread;
    if (unread.length === Object.keys(shown).length && unread.every((chat) => shown[chat])) return;
    this.store.dispatch({ type: "unread", chats: unread });
  }
}

/**
 * @param {string} value
 * @returns {{mark: "live" | "unread", at: number}}
 */
function parse(value) {
  const [mark, at] = value.split(" ");
  return { mark: mark === "live" ? "live" : "unread", at: Number(at) || 0 };
}
