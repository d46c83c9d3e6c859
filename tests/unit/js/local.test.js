import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../../chat/static/chat/local.js";
import { fixtures, following, frames } from "./wire.js";

const { follows, frames: sent } = fixtures.find((one) => one.name === "older-page.json");
const [CHAT] = follows;
const paged = frames(following(CHAT), sent[0]);
const first = sent[0].messages[0];
const older = { ...first, id: "older", position: first.position - 1 };

test("an older page goes before what is known", () => {
  const state = reduce(paged, { type: "page", chat: CHAT, before: first.position, messages: [older], earlier: false });
  assert.deepEqual(state.open[CHAT].order, ["older", first.id]);
  assert.equal(state.open[CHAT].earlier, false);
});

test("an older page that no longer fits, after a snapshot, is left out and awaited no more", () => {
  const asked = reduce(paged, { type: "earlier", chat: CHAT, loading: "loading" });
  const state = reduce(asked, { type: "page", chat: CHAT, before: first.position + 5, messages: [older], earlier: false });
  assert.deepEqual(state.open[CHAT], paged.open[CHAT]);
});

test("the first page of a list replaces the list, and keeps the other list and what is open", () => {
  const chat = (id, archived = false) => ({ ...sent[0].chat, id, archived, version: 1 });
  const state = [chat("gone"), chat("kept"), chat("away", true)].reduce((all, one) => reduce(all, { type: "chat", chat: one }), paged);
  const listed = reduce(state, { type: "list", archived: false, list: { loaded: true, next: 7 }, chats: [chat("kept")], first: true });
  assert.deepEqual(Object.keys(listed.chats).sort(), [CHAT, "away", "kept"].sort());
  assert.equal(listed.lists.active.next, 7);
});

test("an answer about the list does not undo what has become of chats since the question", () => {
  const chat = (id, version = 1) => ({ ...sent[0].chat, id, version });
  const had = ["gone", "renamed", "old"].reduce((state, id) => reduce(state, { type: "chat", chat: chat(id) }), following());
  const meanwhile = [
    { type: "removed", chat: "gone" },
    { type: "chat", chat: chat("renamed", 2) },
    { type: "chat", chat: chat("made") },
  ].reduce(reduce, had);
  const list = { type: "list", archived: false, list: {}, chats: [chat("gone"), chat("renamed"), chat("unknown")], had: had.chats };
  const first = reduce(meanwhile, { ...list, first: true }).chats;
  assert.deepEqual(Object.keys(first).sort(), ["made", "renamed", "unknown"]);
  assert.equal(first.renamed.version, 2);
  assert.equal(reduce(meanwhile, list).chats.gone, undefined);
});

test("a closed chat is kept for opening it again, and of many the longest closed goes", () => {
  const ids = Array.from({ length: 14 }, (_, index) => `chat-${index}`);
  const closed = ids.reduce((state, chat) => reduce(state, { type: "closed", chat }), following(CHAT, ...ids));
  assert.deepEqual(Object.keys(closed.open), [CHAT, ...ids.slice(2)]);
});

test("a new chat's pane and its pending message get the chat's id", () => {
  const pending = { client_id: "c", chat: "new:c", text: "Hi", status: "waiting", error: null };
  const typed = reduce(reduce(following(), { type: "panes", keys: ["new:c"], focus: 0 }), { type: "pending", pending });
  const made = reduce(typed, { type: "made", key: "new:c", chat: CHAT });
  assert.deepEqual(made.panes.keys, [CHAT]);
  assert.equal(made.pending.c.chat, CHAT);
});

test("a message acknowledged in a chat that nobody looks at is done", () => {
  const pending = { client_id: "c", chat: "elsewhere", text: "Hi", status: "waiting", error: null };
  const typed = reduce(following(), { type: "pending", pending });
  assert.deepEqual(reduce(typed, { type: "sent", client_id: "c", chat: "elsewhere", message: "m" }).pending, {});
});

test("the whole of a long message is shown, unless it has gone on since it was asked for", () => {
  const fixture = fixtures.find((one) => one.name === "continued-clipped.json");
  const [shot, announced] = fixture.frames;
  const answer = { ...shot.messages[1], parts: [{ type: "text", id: "p102", text: "Because of" }], clipped: undefined };
  const state = frames(following(CHAT), shot);
  assert.equal(reduce(state, { type: "message", message: answer }).open[CHAT].messages[answer.id].parts[0].text, "Because of");
  const goneOn = frames(state, announced);
  assert.deepEqual(reduce(goneOn, { type: "message", message: answer }), goneOn);
});

test("another reply is pending until its run is seen, whichever of ack and change is first", () => {
  const [shot, announced] = fixtures.find((one) => one.name === "retried.json").frames;
  const pending = { client_id: "r", chat: CHAT, act: "retry", message: shot.messages[1].id, text: "", status: "waiting", error: null };
  const asked = reduce(frames(following(CHAT), shot), { type: "pending", pending });
  const sent = { type: "sent", client_id: "r", chat: CHAT, message: shot.messages[0].id, run: announced.change.runs[0].run };
  const acked = reduce(asked, sent);
  assert.equal(acked.pending.r.status, "sent");
  assert.deepEqual(frames(acked, announced).pending, {});
  assert.deepEqual(reduce(frames(asked, announced), sent).pending, {});
});
