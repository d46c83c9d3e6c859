/** Reads the shared fixtures, and shows a state in their form. */
import { readdirSync, readFileSync } from "node:fs";
import { reduce } from "../../../chat/static/chat/local.js";
import { initialState } from "../../../chat/static/chat/store.js";

const FOLDER = new URL("../../fixtures/wire/", import.meta.url);

/** Every fixture, with its file's name. */
export const fixtures = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => ({ name, ...JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) }));

/** A state that follows `chats`, each acknowledged. */
export function following(...chats) {
  return chats.reduce(
    (state, chat) => frames(reduce(state, { type: "opening", chat, command: `open-${chat}` }), { type: "ack", id: `open-${chat}` }),
    initialState(),
  );
}

/** The state after more frames. */
export function frames(state, ...more) {
  return more.reduce((before, frame) => reduce(before, { type: "frame", frame }), state);
}

/** A state as the fixtures write it down. */
export function shown(state) {
  const open = Object.values(state.open).map((chat) => {
    const live = new Map(Object.values(chat.runs).map((run) => [run.reply, run]));
    const messages = chat.order.map((id) => {
      const message = chat.messages[id];
      const run = live.get(id);
      return run?.status === "running" ? { ...message, parts: run.parts } : message;
    });
    const runs = Object.fromEntries(Object.values(chat.runs).map(({ run, status, seq }) => [run, { status, seq }]));
    const { version, ready, earlier, gap } = chat;
    return [chat.id, { version, ready, earlier, messages, runs, reopen: gap }];
  });
  return { chats: state.chats, open: Object.fromEntries(open) };
}
