import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../../chat/static/chat/local.js";
import { branchOf, busyReason, canContinue, lastOwn, lastReply } from "../../../chat/static/chat/replies.js";
import { fixtures, following, frames } from "./wire.js";

const named = (name) => fixtures.find((one) => one.name === `${name}.json`);
const [CHAT] = named("continued").follows;
const after = (name, count) => frames(following(CHAT), ...named(name).frames.slice(0, count));

test("the last reply can be continued when it broke off, and no other", () => {
  const stopped = after("continued", 1);
  assert.equal(canContinue(stopped, lastReply(stopped, CHAT)), true);
  const done = after("continued");
  assert.equal(canContinue(done, lastReply(done, CHAT)), false);
  const [first] = Object.values(stopped.open[CHAT].messages);
  assert.equal(canContinue(stopped, first), false);
});

test("nothing is asked for while a reply is written, or while something is on its way", () => {
  assert.equal(busyReason(after("continued", 1), CHAT), "");
  assert.notEqual(busyReason(after("continued", 2), CHAT), "");
  const pending = { client_id: "r", chat: CHAT, act: "retry", message: "m", text: "", status: "waiting", error: null };
  const asked = reduce(after("continued", 1), { type: "pending", pending });
  assert.notEqual(busyReason(asked, CHAT), "");
  assert.equal(busyReason(reduce(asked, { type: "failed", client_id: "r", error: { code: "x", message: "No." } }), CHAT), "");
});

test("a branch says which of how many it is, and who stands beside it", () => {
  const state = after("edited");
  const [first] = state.open[CHAT].order.map((id) => state.open[CHAT].messages[id]);
  assert.deepEqual(branchOf(first), { number: 1, count: 2, before: null, after: first.siblings[1] });
  assert.equal(branchOf({ ...first, siblings: undefined }), null);
  assert.equal(lastOwn(state, CHAT, first.author).position, 3);
});
