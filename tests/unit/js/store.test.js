import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../../chat/static/chat/local.js";
import { fixtures, following, frames, shown } from "./wire.js";

const fixture = (name) => fixtures.find((one) => one.name === `${name}.json`);
const [CHAT] = fixture("stream").follows;

for (const { name, about, follows, frames: sent, state } of fixtures) {
  test(`${name}: ${about}`, () => {
    assert.deepEqual(shown(frames(following(...follows), ...sent)), state);
  });

  test(`${name}: no frame changes an earlier state`, () => {
    let state = following(...follows);
    for (const frame of sent) {
      const copy = structuredClone(state);
      const next = frames(state, frame);
      assert.deepEqual(state, copy);
      state = next;
    }
  });
}

test("a frame of tokens touches no message, no list and no other chat", () => {
  const sent = fixture("stream").frames;
  const before = frames(following("other", CHAT), ...sent.slice(0, 4));
  const after = frames(before, sent[4]);
  assert.notEqual(after, before);
  assert.equal(after.open[CHAT].messages, before.open[CHAT].messages);
  assert.equal(after.open[CHAT].order, before.open[CHAT].order);
  assert.equal(after.open.other, before.open.other);
  assert.equal(after.chats, before.chats);
});

test("a token leaves the finished parts of its reply the same objects", () => {
  const sent = fixture("reasoning-and-tools").frames;
  const before = frames(following(CHAT), ...sent.slice(0, -1));
  const after = frames(before, sent.at(-1));
  const parts = (state) => Object.values(state.open[CHAT].runs)[0].parts;
  assert.equal(parts(after)[0], parts(before)[0]);
  assert.equal(parts(after)[1], parts(before)[1]);
});

test("between an opening and its ack nothing applies, so that what the server sends again fits", () => {
  const sent = fixture("stream").frames;
  const before = reduce(frames(following(CHAT), ...sent.slice(0, 3)), { type: "opening", chat: CHAT, command: "again" });
  const during = frames(before, sent[3]);
  assert.equal(during, before);
  const after = frames(during, { type: "ack", id: "again", resumed: true }, ...sent.slice(3));
  assert.deepEqual(shown(after), fixture("stream").state);
});

test("a gap is marked once and cleared by the opening that mends it", () => {
  const gap = frames(following(CHAT), ...fixture("gap-in-events").frames);
  assert.equal(gap.open[CHAT].gap, "resume");
  assert.equal(reduce(gap, { type: "opening", chat: CHAT, command: "again" }).open[CHAT].gap, "");
});

test("a refused opening says why and follows nothing", () => {
  const opening = reduce(following(), { type: "opening", chat: CHAT, command: "c1" });
  const { error, following: follows } = frames(opening, { type: "error", id: "c1", code: "too_many_chats", message: "No." }).open[CHAT];
  assert.deepEqual({ error, follows }, { error: { code: "too_many_chats", message: "No." }, follows: false });
});

test("a deleted chat that is open says so, and comes back afresh when it is restored", () => {
  const [first] = fixture("stream").frames;
  const deleted = frames(following(CHAT), first, { type: "chats.changed", chats: [], removed: [CHAT] });
  assert.equal(deleted.open[CHAT].error.code, "not_found");
  const restored = frames(deleted, { type: "chats.changed", chats: [{ ...first.chat, version: 9 }], removed: [] });
  assert.equal(restored.open[CHAT].error, null);
  assert.equal(restored.open[CHAT].gap, "fresh");
});

const pending = (client_id) => ({ client_id, chat: CHAT, text: "Hi", status: "waiting", error: null });

test("a pending message gives way to the real one with its client_id, whichever of ack and change is first", () => {
  const [first, announced] = fixture("stream").frames;
  const { client_id, id: message } = announced.change.messages[0];
  const typed = reduce(frames(following(CHAT), first), { type: "pending", pending: pending(client_id) });
  const sent = { type: "sent", client_id, chat: CHAT, message };

  const acked = reduce(typed, sent);
  assert.equal(acked.pending[client_id].status, "sent");
  assert.deepEqual(frames(acked, announced).pending, {});

  const seen = frames(typed, announced);
  assert.deepEqual(seen.pending, {});
  assert.deepEqual(reduce(seen, sent).pending, {});
});

test("an acknowledged message that another branch has hidden before it was seen is no longer pending", () => {
  const [first, announced] = fixture("stream").frames;
  const { runs } = announced.change;
  const typed = reduce(frames(following(CHAT), first), { type: "pending", pending: pending("c") });
  const acked = reduce(typed, { type: "sent", client_id: "c", chat: CHAT, message: "m", run: runs[0].run });
  const change = { removed: ["m", runs[0].reply], runs: [{ ...runs[0], status: "completed" }] };
  assert.deepEqual(frames(acked, { ...announced, change }).pending, {});
});

test("an acknowledged message that a snapshot does not show is on an older page, and no longer pending", () => {
  const [first] = fixture("stream").frames;
  const typed = reduce(frames(following(CHAT), first), { type: "pending", pending: pending("c") });
  const acked = reduce(typed, { type: "sent", client_id: "c", chat: CHAT, message: "m" });
  assert.deepEqual(frames(acked, { ...first, version: 99 }).pending, {});
  assert.ok(frames(typed, { ...first, version: 99 }).pending.c, "what nobody acknowledged stays");
});
