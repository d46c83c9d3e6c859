/** What this tab does to its own state: the second half of the reducer, as pure as the first (store.js). */
import { reduceFrame, whole, withChats, withOpen, withoutChat } from "./store.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").OpenChat} OpenChat
 * @typedef {import("./types.js").Pending} Pending
 * @typedef {import("./types.js").Problem} Problem
 *
 * @typedef {{type: "frame", frame: import("./types.js").Frame}
 *   | {type: "opening", chat: string, command: string}
 *   | {type: "closed", chat: string}
 *   | {type: "link", link: import("./types.js").Link}
 *   | {type: "panes", keys: string[], focus: number}
 *   | {type: "list", archived: boolean, list: Partial<import("./types.js").List>, chats?: import("./types.js").Chat[],
 *      first?: boolean, had?: State["chats"]}
 *   | {type: "chat", chat: import("./types.js").Chat}
 *   | {type: "removed", chat: string}
 *   | {type: "earlier", chat: string, loading: "loading" | "failed"}
 *   | {type: "page", chat: string, before: number, messages: import("./types.js").WireMessage[], earlier: boolean}
 *   | {type: "message", message: import("./types.js").WireMessage}
 *   | {type: "pending", pending: Pending}
 *   | {type: "sent", client_id: string, chat: string, message: string, run?: string}
 *   | {type: "made", key: string, chat: string}
 *   | {type: "failed", client_id: string, error: Problem}
 *   | {type: "discard", client_id: string}
 *   | {type: "toast", toast: import("./types.js").Toast}
 *   | {type: "untoast", id: string}
 *   | {type: "ui", ui: Partial<State["ui"]>}
 *   | {type: "unread", chats: string[]}} Action
 */

/** Chats that are kept after their pane was closed, so that opening them again shows them at once. */
const KEPT = 12;

/**
 * The state after one action.
 *
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduce(state, action) {
  switch (action.type) {
    case "frame":
      return reduceFrame(state, action.frame);
    case "opening": {
      const chat = state.open[action.chat] ?? unopened(action.chat);
      return withOpen(state, { ...chat, following: true, opening: action.command, gap: "", error: null });
    }
    case "closed":
      return closed(state, action.chat);
    case "link":
      return { ...state, link: action.link };
    case "panes":
      return { ...state, panes: { keys: action.keys, focus: action.focus } };
    case "list":
      return listed(state, action);
    case "chat":
      return withChats(state, [action.chat]);
    case "removed":
      return withoutChat(state, action.chat);
    case "earlier":
      return changeOpen(state, action.chat, (chat) => ({ ...chat, loadingEarlier: action.loading }));
    case "page":
      return changeOpen(state, action.chat, (chat) => earlierPage(chat, action));
    case "message":
      return changeOpen(state, action.message.chat, (chat) => fetched(chat, action.message));
    case "pending":
      return withPending(state, action.pending);
    case "sent":
      return sent(state, action);
    case "made":
      return made(state, action.key, action.chat);
    case "failed": {
      const pending = state.pending[action.client_id];
      return pending ? withPending(state, { ...pending, status: "failed", error: action.error }) : state;
    }
    case "discard":
      return withoutPending(state, action.client_id);
    case "toast":
      return { ...state, toasts: [...state.toasts.filter((toast) => toast.id !== action.toast.id), action.toast] };
    case "untoast":
      return { ...state, toasts: state.toasts.filter((toast) => toast.id !== action.id) };
    case "ui":
      return { ...state, ui: { ...state.ui, ...action.ui } };
    case "unread":
      return { ...state, unread: Object.fromEntries(action.chats.map((chat) => [chat, /** @type {const} */ (true)])) };
  }
}

/**
 * @param {string} id
 * @returns {OpenChat}
 */
function unopened(id) {
  return {
    id,
    version: 0,
    ready: false,
    messages: {},
    order: [],
    earlier: false,
    loadingEarlier: "",
    runs: {},
    following: false,
    opening: null,
    gap: "",
    error: null,
  };
}

/**
 * @param {State} state
 * @param {string} id
 * @param {(chat: OpenChat) => OpenChat} change
 * @returns {State}
 */
function changeOpen(state, id, change) {
  const chat = state.open[id];
  return chat ? withOpen(state, change(chat)) : state;
}

/**
 * The chat stays known, cursors and all; the longest unfollowed of too many goes.
 *
 * @param {State} state
 * @param {string} id
 * @returns {State}
 */
function closed(state, id) {
  const chat = state.open[id];
  if (!chat) return state;
  const { [id]: _, ...others } = state.open;
  const open = { ...others, [id]: { ...chat, following: false, opening: null } };
  const unfollowed = Object.values(open).filter((other) => !other.following);
  for (const old of unfollowed.slice(0, Math.max(0, unfollowed.length - KEPT))) delete open[old.id];
  return { ...state, open };
}

/**
 * The first page of a list replaces what was known of that list; a later page adds to it. Chats that are open stay, and
 * so does what has become of others since the question, when these were what this tab `had`.
 *
 * @param {State} state
 * @param {Extract<Action, {type: "list"}>} action
 * @returns {State}
 */
function listed(state, action) {
  const { had = state.chats } = action;
  const name = action.archived ? "archived" : "active";
  const lists = { ...state.lists, [name]: { ...state.lists[name], ...action.list } };
  let known = state;
  if (action.first) {
    const kept = Object.values(state.chats).filter(
      (chat) => chat.archived !== action.archived || state.open[chat.id] || chat !== had[chat.id],
    );
    known = { ...state, chats: Object.fromEntries(kept.map((chat) => [chat.id, chat])) };
  }
  const chats = (action.chats ?? []).filter((chat) => state.chats[chat.id] || !had[chat.id]);
  return withChats({ ...known, lists }, chats);
}

/**
 * An older page goes before what is known, unless a snapshot has moved the beginning since it was asked for.
 *
 * @param {OpenChat} chat
 * @param {Extract<Action, {type: "page"}>} page
 * @returns {OpenChat}
 */
function earlierPage(chat, page) {
  if (chat.messages[chat.order[0] ?? ""]?.position !== page.before) return { ...chat, loadingEarlier: "" };
  const older = page.messages.map(whole);
  return {
    ...chat,
    messages: { ...Object.fromEntries(older.map((message) => [message.id, message])), ...chat.messages },
    order: [...older.map((message) => message.id), ...chat.order],
    earlier: page.earlier,
    loadingEarlier: "",
  };
}

/**
 * A message that was asked for by itself takes the place of the clipped one, unless that has gone on meanwhile.
 *
 * @param {OpenChat} chat
 * @param {import("./types.js").WireMessage} message
 * @returns {OpenChat}
 */
function fetched(chat, message) {
  const known = chat.messages[message.id];
  if (!known || known.run !== message.run || known.status !== message.status) return chat;
  return { ...chat, messages: { ...chat.messages, [message.id]: whole(message) } };
}

/**
 * @param {State} state
 * @param {Pending} pending
 * @returns {State}
 */
function withPending(state, pending) {
  return { ...state, pending: { ...state.pending, [pending.client_id]: pending } };
}

/**
 * @param {State} state
 * @param {string} id
 * @returns {State}
 */
function withoutPending(state, id) {
  const { [id]: _, ...pending } = state.pending;
  return { ...state, pending };
}

/**
 * What is acknowledged is shown as pending until it is seen in its chat; where nobody looks at the chat, it is done.
 *
 * @param {State} state
 * @param {Extract<Action, {type: "sent"}>} action
 * @returns {State}
 */
function sent(state, action) {
  const pending = state.pending[action.client_id];
  if (!pending) return state;
  const chat = state.open[action.chat];
  const seen = chat && (chat.runs[action.run ?? ""] || Object.values(chat.messages).some((one) => isOutcome(one, pending, action)));
  if (!chat?.following || seen) return withoutPending(state, action.client_id);
  return withPending(state, { ...pending, chat: action.chat, status: "sent", run: action.run ?? "" });
}

/**
 * Whether a message is what came of something that was asked for: the text itself, or the reply.
 *
 * @param {import("./types.js").Message} message
 * @param {Pending} pending
 * @param {Extract<Action, {type: "sent"}>} action
 */
function isOutcome(message, pending, action) {
  const text = pending.act !== "retry" && pending.act !== "continue";
  return (text && message.id === action.message) || (message.run !== null && message.run === action.run);
}

/**
 * The chat of a new pane exists now: pane and pending messages get its id.
 *
 * @param {State} state
 * @param {string} key
 * @param {string} chat
 * @returns {State}
 */
function made(state, key, chat) {
  const pending = Object.values(state.pending).map((one) => (one.chat === key ? { ...one, chat } : one));
  return {
    ...state,
    panes: { ...state.panes, keys: state.panes.keys.map((pane) => (pane === key ? chat : pane)) },
    pending: Object.fromEntries(pending.map((one) => [one.client_id, one])),
  };
}
