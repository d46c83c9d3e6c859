/**
 * The reducer: state × frame → state. Pure: no document, no clock, no socket. What it holds, for a connection cut at any
 * frame: the state plus what the server sends after `chat.open` is the state of a client that was never cut off.
 *
 * Nothing is changed in place. A frame of tokens copies the chat's record, its runs and the reply's parts, and touches no
 * message: so a token costs the same in a long chat as in a new one.
 */
import { t } from "./i18n.js";
import { ending, foldEvents } from "./parts.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").OpenChat} OpenChat
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").WireMessage} WireMessage
 * @typedef {import("./types.js").Chat} Chat
 * @typedef {import("./types.js").Change} Change
 */

/** @returns {State} */
export function initialState() {
  const list = () => ({ next: null, loading: /** @type {const} */ (""), loaded: false });
  return {
    hello: null,
    chats: {},
    lists: { active: list(), archived: list() },
    open: {},
    pending: {},
    link: { status: "connecting", retryAt: 0, reason: "" },
    panes: { keys: [], focus: 0 },
    toasts: [],
    ui: { editing: null, renaming: null },
    unread: {},
  };
}

/**
 * The state after one frame of the server. Frame types that are not known leave it as it is.
 *
 * @param {State} state
 * @param {import("./types.js").Frame} frame
 * @returns {State}
 */
export function reduceFrame(state, frame) {
  switch (frame.type) {
    case "hello":
      return { ...state, hello: frame };
    case "ack":
      return opened(frame.chat ? withChats(state, [frame.chat]) : state, frame.id);
    case "error":
      return frame.id ? refused(state, frame.id, { code: frame.code, message: frame.message }) : state;
    case "chat.snapshot":
      return snapshot(state, frame);
    case "chat.changed":
      return chatChanged(state, frame);
    case "run.events":
      return runEvents(state, frame);
    case "chats.changed":
      return chatsChanged(state, frame);
    default:
      return state;
  }
}

/**
 * @param {State} state
 * @param {OpenChat} chat
 * @returns {State}
 */
export function withOpen(state, chat) {
  return { ...state, open: { ...state.open, [chat.id]: chat } };
}

/**
 * Chat objects come by several ways, so the one with the higher version is right.
 *
 * @param {State} state
 * @param {Chat[]} chats
 * @returns {State}
 */
export function withChats(state, chats) {
  const newer = chats.filter((chat) => chat.version >= (state.chats[chat.id]?.version ?? -1));
  if (!newer.length) return state;
  return { ...state, chats: { ...state.chats, ...Object.fromEntries(newer.map((chat) => [chat.id, chat])) } };
}

/**
 * @param {State} state
 * @param {string} command
 * @returns {State}
 */
function opened(state, command) {
  const chat = Object.values(state.open).find((open) => open.opening === command);
  return chat ? withOpen(state, { ...chat, opening: null, error: null }) : state;
}

/**
 * @param {State} state
 * @param {string} command
 * @param {import("./types.js").Problem} error
 * @returns {State}
 */
function refused(state, command, error) {
  const chat = Object.values(state.open).find((open) => open.opening === command);
  if (!chat) return state;
  // The server's sentence fits everything that can be missing; here it is known what is.
  const missing = { code: error.code, message: t("There is no such chat, or it is not yours.") };
  return withOpen(state, { ...chat, opening: null, following: false, error: error.code === "not_found" ? missing : error });
}

/**
 * The chat that a frame is about, if frames may apply to it now.
 *
 * @param {State} state
 * @param {string} id
 */
function followed(state, id) {
  const chat = state.open[id];
  return chat && chat.following && !chat.opening ? chat : null;
}

/**
 * @param {State} state
 * @param {import("./types.js").Snapshot} frame
 * @returns {State}
 */
function snapshot(state, frame) {
  const chat = followed(state, frame.chat.id);
  if (!chat) return state;
  const messages = frame.messages.map(whole);
  const parts = new Map(messages.map((message) => [message.id, message.parts]));
  const next = withOpen(withChats(state, [frame.chat]), {
    ...chat,
    version: frame.version,
    ready: true,
    messages: Object.fromEntries(messages.map((message) => [message.id, message])),
    order: messages.map((message) => message.id),
    earlier: frame.earlier,
    loadingEarlier: "",
    runs: Object.fromEntries(frame.runs.map((run) => [run.run, { ...run, parts: parts.get(run.reply) ?? [] }])),
    gap: "",
    error: null,
  });
  // What was acknowledged before this snapshot was made is in it, or on an older page.
  return withoutPending(next, (pending) => pending.chat === chat.id && pending.status === "sent", messages);
}

/**
 * @param {State} state
 * @param {import("./types.js").ChatChanged} frame
 * @returns {State}
 */
function chatChanged(state, frame) {
  const chat = followed(state, frame.chat);
  if (!chat || frame.after < chat.version) return state;
  if (!chat.ready || frame.after > chat.version) return withOpen(state, { ...chat, gap: chat.gap || "resume" });
  const { change } = frame;
  const next = applyChange(chat, change);
  if (!next) return withOpen(state, { ...chat, gap: "fresh" });
  const known = change.chat ? withChats(state, [change.chat]) : state;
  const after = withOpen(known, { ...next, version: frame.version });
  return withoutPending(after, () => false, change.messages, change.runs);
}

/**
 * The chat with a change applied, or null where the change leans on something that this client does not have.
 *
 * @param {OpenChat} chat
 * @param {Change} change
 * @returns {OpenChat | null}
 */
function applyChange(chat, change) {
  const messages = { ...chat.messages };
  const runs = { ...chat.runs };
  const gone = (change.removed ?? []).some((id) => messages[id]);
  const sent = new Map((change.messages ?? []).map((message) => [message.id, message]));
  const oldest = chat.messages[chat.order[0] ?? ""]?.position ?? 0;
  for (const message of sent.values()) {
    // A change to a message of an older page that was not fetched: it will come with that page.
    if (chat.earlier && message.position < oldest && !messages[message.id]) {
      // Unless the path now turns off above this page: what comes back then is the page.
      if (gone) return null;
      continue;
    }
    const known = messages[message.id];
    messages[message.id] = known && keepsParts(known, message, change) ? withParts(message, known) : whole(message);
  }
  for (const id of change.removed ?? []) delete messages[id];
  for (const run of change.runs ?? []) {
    const reply = sent.get(run.reply);
    const known = runs[run.run];
    if (run.status === "running") {
      // The change brings the text up to the run's `seq`, or this client has some and keeps it with its own cursor.
      if (reply?.parts) runs[run.run] = { ...run, parts: messages[run.reply]?.parts ?? reply.parts };
      else if (known) runs[run.run] = { ...run, seq: known.seq, parts: known.parts };
      // A reply that is continued has what earlier runs said.
      else if (run.seq === 0) runs[run.run] = { ...run, parts: messages[run.reply]?.parts ?? [] };
      else return null;
    } else {
      const last = messages[run.reply];
      // A reply that is not shown any more comes whole when it is again.
      if (last && known?.status === "running" && !reply?.parts) {
        if (known.seq < run.seq) return null;
        messages[run.reply] = { ...last, parts: known.parts };
      }
      runs[run.run] = { ...run, seq: Math.max(run.seq, known?.seq ?? 0), parts: [] };
    }
  }
  const order = Object.keys(messages).sort((a, b) => (messages[a]?.position ?? 0) - (messages[b]?.position ?? 0));
  return { ...chat, messages, runs, order };
}

/**
 * Whether the parts of a message that is known stay with a change to it: where it brings none, and where a reply of
 * which this client has all goes on from there, while the change has it clipped.
 *
 * @param {Message} known
 * @param {WireMessage} message
 * @param {Change} change
 */
function keepsParts(known, message, change) {
  if (!message.parts) return true;
  if (!message.clipped || known.clipped || known.status === "streaming") return false;
  const runs = (change.runs ?? []).filter((run) => run.reply === message.id);
  return runs.length === 1 && runs[0]?.status === "running" && runs[0].seq === 0;
}

/**
 * A message with the parts that are known of it, as clipped as they are.
 *
 * @param {WireMessage} message
 * @param {Message} known
 * @returns {Message}
 */
function withParts({ clipped: _, ...message }, known) {
  return { ...message, parts: known.parts, ...(known.clipped && { clipped: true }) };
}

/**
 * @param {State} state
 * @param {import("./types.js").RunEvents} frame
 * @returns {State}
 */
function runEvents(state, frame) {
  const chat = followed(state, frame.chat);
  const run = chat?.runs[frame.run];
  if (!chat || (run && frame.after < run.seq)) return state;
  if (!chat.ready || !run || frame.after > run.seq) return withOpen(state, { ...chat, gap: chat.gap || "resume" });
  const over = ending(frame.events);
  if (run.status !== "running") return withOpen(state, { ...chat, runs: { ...chat.runs, [run.run]: { ...run, seq: frame.seq } } });
  const parts = foldEvents(run.parts, frame.events);
  const moved = { ...run, seq: frame.seq, parts };
  if (!over) return withOpen(state, { ...chat, runs: { ...chat.runs, [run.run]: moved } });
  const ended = { ...moved, status: over.status, parts: [] };
  const reply = chat.messages[run.reply];
  /** @type {import("./types.js").MessageStatus} */
  const status = over.status === "completed" ? "complete" : over.status;
  const messages = reply ? { ...chat.messages, [reply.id]: { ...reply, parts, status, error: over.error } } : chat.messages;
  return withOpen(state, { ...chat, messages, runs: { ...chat.runs, [run.run]: ended } });
}

/**
 * @param {State} state
 * @param {import("./types.js").ChatsChanged} frame
 * @returns {State}
 */
function chatsChanged(state, frame) {
  let next = withChats(state, frame.chats);
  for (const chat of frame.chats) {
    // A chat that was gone is back: someone undid its removal.
    const open = next.open[chat.id];
    if (open?.error?.code === "not_found") next = withOpen(next, { ...open, following: true, error: null, gap: "fresh" });
  }
  return frame.removed.reduce(withoutChat, next);
}

/**
 * @param {State} state
 * @param {string} id
 * @returns {State}
 */
export function withoutChat(state, id) {
  const chats = { ...state.chats };
  delete chats[id];
  const chat = state.open[id];
  const gone = { code: "not_found", message: t("This chat was deleted.") };
  const next = { ...state, chats };
  return chat ? withOpen(next, { ...chat, following: false, opening: null, error: gone }) : next;
}

/**
 * Drop what is pending and `done`, or what is there for real now: a message by its `client_id`, a reply by its run,
 * even if another branch has hidden it again.
 *
 * @param {State} state
 * @param {(pending: import("./types.js").Pending) => boolean} done
 * @param {WireMessage[]} [messages]
 * @param {import("./types.js").WireRun[]} [runs]
 * @returns {State}
 */
function withoutPending(state, done, messages = [], runs = []) {
  const seen = new Set(messages.flatMap((message) => [message.client_id, message.run]));
  for (const { run } of runs) seen.add(run);
  const left = Object.entries(state.pending).filter(([id, pending]) => !seen.has(id) && !seen.has(pending.run ?? "") && !done(pending));
  if (left.length === Object.keys(state.pending).length) return state;
  return { ...state, pending: Object.fromEntries(left) };
}

/**
 * @param {WireMessage} message
 * @returns {Message}
 */
export function whole(message) {
  return { ...message, parts: message.parts ?? [] };
}
