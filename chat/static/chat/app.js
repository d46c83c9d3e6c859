/**
 * The page's logic without its looks: what happens when a person does something, and what follows from what the server
 * says. Everything it needs of the browser is handed in, so it runs in Node too.
 */
import { quoted } from "./export.js";
import { Following } from "./following.js";
import { t } from "./i18n.js";
import { Notices } from "./notices.js";
import * as panes from "./panes.js";
import { busyReason, lastOwn, Replies } from "./replies.js";
import { Saving } from "./saving.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./local.js").Action} Action
 *
 * @typedef {object} Parts
 * @property {import("./state.js").Store} store
 * @property {import("./socket.js").Socket} socket
 * @property {import("./http.js").Api} api
 * @property {import("./outbox.js").Outbox} outbox
 * @property {import("./storage.js").Shelf} drafts
 * @property {import("./storage.js").Shelf} layout
 * @property {import("./saving.js").Browser} browser
 * @property {() => string[]} inView   the panes that are seen
 * @property {(toast: string) => boolean} held   somebody is at a note, with the pointer or the focus
 * @property {() => string} newId
 * @property {() => number} now
 * @property {(call: () => void, milliseconds: number) => unknown} setTimeout
 */

export class App {
  /** @param {Parts} parts */
  constructor({ store, socket, api, outbox, drafts, layout, browser, inView, held, newId, now, setTimeout }) {
    this.store = store;
    this.socket = socket;
    this.api = api;
    this.outbox = outbox;
    this.drafts = drafts;
    this.layout = layout;
    this.notices = new Notices(store, { inView, held, setTimeout });
    /** @type {Map<string, string>} chats that were made here, by the key that their pane had before */
    this.made = new Map();
    this.newId = newId;
    /** @type {Map<string, import("./view/composer.js").ComposerHandle>} the composers that are shown, by their pane */
    this.composers = new Map();
    /** @type {{chat: string, text: string} | null} what is selected in a chat */
    this.selected = null;
    /** How often each list was asked for. */
    this.asked = { active: 0, archived: 0 };
    this.following = new Following(store, socket, { now, setTimeout });
    this.replies = new Replies(this);
    this.saving = new Saving(this, browser);
    store.follow((state, action) => this.follow(state, action));
  }

  /** @param {string} path the page's address */
  start(path) {
    const unsent = this.outbox.load().filter((entry) => !entry.chat);
    let start = panes.fromPath(path);
    for (const { key } of unsent.slice(-1)) if (start.keys[0] === panes.NEW) start = { keys: [key], focus: 0 };
    this.setPanes(start);
    this.socket.connect();
  }

  /**
   * @param {State} state
   * @param {Action} action
   */
  follow(state, action) {
    if (action.type === "made") this.moveDraft(action.key, action.chat);
    if (action.type === "failed") this.notices.tellRefusal(state, state.pending[action.client_id]?.chat ?? "");
    if (action.type === "panes") this.notices.dropSeen(state);
    // Once the socket has said that it is online.
    if (action.type === "frame" && action.frame.type === "hello") queueMicrotask(() => this.connected(state));
  }

  /**
   * The list is fetched after `hello`, so that no change to it is missed; what waits is sent.
   *
   * @param {State} state
   */
  connected(state) {
    this.following.openAll();
    void this.loadChats(false, true);
    if (state.lists.archived.loaded) void this.loadChats(true, true);
    this.outbox.flush();
  }

  /**
   * What was typed while the chat was being made.
   *
   * @param {string} from
   * @param {string} to
   */
  moveDraft(from, to) {
    this.made.set(from, to);
    const draft = this.drafts.get(from);
    if (draft) this.drafts.set(to, draft);
    this.drafts.delete(from);
  }

  /**
   * Keep what is typed and not sent, until it is empty. Where the chat was made a moment ago, its pane may not have been
   * drawn again yet.
   *
   * @param {string} key the pane's
   * @param {string} text
   */
  keepDraft(key, text) {
    const name = this.made.get(key) ?? key;
    if (text) this.drafts.set(name, text);
    else this.drafts.delete(name);
  }

  // --- Panes ---

  /** @param {panes.Panes} next */
  setPanes({ keys, focus }) {
    this.store.dispatch({ type: "panes", keys, focus });
  }

  /**
   * @param {string} key
   * @param {boolean} [beside]
   */
  show(key, beside) {
    this.setPanes(panes.show(this.store.state.panes, key, beside));
  }

  /** @param {string} key */
  closePane(key) {
    this.setPanes(panes.close(this.store.state.panes, key));
  }

  /** @param {string} key */
  focusPane(key) {
    const { keys, focus } = this.store.state.panes;
    const at = keys.indexOf(key);
    if (at >= 0 && at !== focus) this.setPanes({ keys, focus: at });
  }

  // --- Messages ---

  /**
   * @param {string} key the pane's
   * @param {string} text
   * @param {string | null} agent
   */
  send(key, text, agent) {
    const client_id = this.newId();
    const isChat = panes.isChat(key);
    const pane = isChat ? key : `${panes.NEW}:${client_id}`;
    this.outbox.add({ client_id, key: pane, chat: isChat ? key : null, text, agent });
    // Only now that the outbox has it; and not what another tab has written meanwhile.
    if (this.drafts.get(key) === text) this.drafts.delete(key);
    if (!isChat) {
      const { keys, focus } = this.store.state.panes;
      this.setPanes({ keys: keys.map((other) => (other === key ? pane : other)), focus });
    }
  }

  /** Put what is selected into the composer of its chat, as a quotation. */
  quoteSelection() {
    const { selected } = this;
    if (!selected) return;
    this.selected = null;
    this.composers.get(selected.chat)?.add(`${quoted(selected.text)}\n\n`);
  }

  /**
   * Give up a message that was refused; for a while it can be had back.
   *
   * @param {string} client_id
   */
  discard(client_id) {
    const entry = this.outbox.entries.get(client_id);
    if (!entry) return;
    this.outbox.discard(client_id);
    this.notices.say({ id: `discarded-${client_id}`, text: t("The message was discarded."), undo: { entry } });
  }

  /**
   * Change an own message in place. One that is clipped is fetched first, or the edit would drop the rest of it.
   *
   * @param {import("./types.js").Message} message
   */
  async edit(message) {
    if (message.clipped && !(await this.showAll(message))) return;
    this.store.dispatch({ type: "ui", ui: { editing: message.id } });
  }

  /**
   * Change one's newest message in place; says whether there is one that can be.
   *
   * @param {string} chat
   */
  editLast(chat) {
    const { state } = this.store;
    const message = lastOwn(state, chat, state.hello?.user.id ?? "");
    if (!message || busyReason(state, chat)) return false;
    void this.edit(message);
    return true;
  }

  /**
   * Stop what is being written in a chat; what it has said stays.
   *
   * @param {string} chat
   */
  stop(chat) {
    const running = Object.values(this.store.state.open[chat]?.runs ?? {}).filter((run) => run.status === "running");
    return this.attempt(async () => {
      for (const { run } of running) {
        await (this.socket.ready ? this.socket.request({ type: "run.stop", run }) : this.api.stop(run));
      }
    });
  }

  /** @param {string} id */
  async loadEarlier(id) {
    const chat = this.store.state.open[id];
    const first = chat?.messages[chat.order[0] ?? ""];
    if (!chat?.earlier || !first || chat.loadingEarlier === "loading") return;
    this.store.dispatch({ type: "earlier", chat: id, loading: "loading" });
    try {
      const { messages, earlier } = await this.api.messages(id, first.position);
      this.store.dispatch({ type: "page", chat: id, before: first.position, messages, earlier });
    } catch {
      this.store.dispatch({ type: "earlier", chat: id, loading: "failed" });
    }
  }

  /** @param {import("./types.js").Message} message */
  showAll(message) {
    return this.attempt(async () => {
      this.store.dispatch({ type: "message", message: await this.api.message(message.chat, message.id) });
    });
  }

  // --- The list of chats ---

  /**
   * @param {boolean} archived
   * @param {boolean} [first] the newest page; otherwise the next older one
   */
  async loadChats(archived, first = false) {
    const name = archived ? "archived" : "active";
    const known = this.store.state.lists[name];
    if (!first && (known.loading === "loading" || (known.loaded && !known.next))) return;
    const before = first ? null : known.next;
    // A newer question makes the answer to an older one void: after a reconnect the old one may never come, or come late.
    const asked = (this.asked[name] += 1);
    const { chats: had } = this.store.state;
    this.store.dispatch({ type: "list", archived, list: { loading: "loading" } });
    try {
      // What is pinned stands at the top, however old it is.
      const pinned = first ? this.api.chats({ archived, pinned: true }) : { chats: [] };
      const [{ chats, next }, top] = await Promise.all([this.api.chats({ before, archived }), pinned]);
      if (asked !== this.asked[name]) return;
      const list = { loading: /** @type {const} */ (""), loaded: true, next };
      this.store.dispatch({ type: "list", archived, list, chats: [...top.chats, ...chats], first: !before, had });
    } catch {
      if (asked === this.asked[name]) this.store.dispatch({ type: "list", archived, list: { loading: "failed" } });
    }
  }

  /**
   * Look for chats whose title holds `words`, beyond the pages that are loaded; what is found joins the list.
   *
   * @param {string} words
   * @param {boolean} archived
   * @returns {Promise<boolean>} whether the server could be asked
   */
  async find(words, archived) {
    const { chats: had } = this.store.state;
    try {
      const { chats } = await this.api.chats({ q: words, archived });
      this.store.dispatch({ type: "list", archived, list: {}, chats, had });
      return true;
    } catch {
      return false;
    }
  }

  /**
   * @param {string} id
   * @param {{title?: string, archived?: boolean, pinned?: boolean}} changes
   */
  async change(id, changes) {
    await this.attempt(async () => this.store.dispatch({ type: "chat", chat: await this.api.changeChat(id, changes) }));
  }

  /** @param {string} id */
  async remove(id) {
    const title = this.store.state.chats[id]?.title || t("New chat");
    await this.attempt(async () => {
      await this.api.deleteChat(id);
      if (this.store.state.panes.keys.includes(id)) this.closePane(id);
      this.store.dispatch({ type: "removed", chat: id });
      this.notices.say({ id: `deleted-${id}`, text: t("Deleted “{title}”.", { title }), undo: { chat: id } });
    });
  }

  /** @param {string} id */
  async restore(id) {
    this.store.dispatch({ type: "untoast", id: `deleted-${id}` });
    await this.attempt(async () => this.store.dispatch({ type: "chat", chat: await this.api.restoreChat(id) }));
  }

  /** @param {NonNullable<import("./types.js").Toast["undo"]>} undo */
  undo(undo) {
    if ("chat" in undo) void this.restore(undo.chat);
    else this.bringBack(undo.entry);
  }

  /** @param {import("./outbox.js").Entry} entry */
  bringBack(entry) {
    this.store.dispatch({ type: "untoast", id: `discarded-${entry.client_id}` });
    this.outbox.keep(entry);
    this.show(entry.chat ?? entry.key);
  }

  // --- Words to the person ---

  /**
   * Do something; when it fails, say so.
   *
   * @param {() => Promise<void>} work
   * @returns {Promise<boolean>} whether it went well
   */
  async attempt(work) {
    try {
      await work();
      return true;
    } catch (error) {
      this.notices.complain(error);
      return false;
    }
  }
}
