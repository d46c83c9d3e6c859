import assert from "node:assert/strict";
import { test } from "node:test";
import { speedOf } from "../../../chat/static/chat/timing.js";

test("tokens in a second are told where the model counts them, else characters", () => {
  assert.deepEqual(speedOf({ first: 0.4, writing: 2, characters: 300, tokens: 60 }), { first: 0.4, rate: 30, unit: "tokens", tokens: 60 });
  assert.deepEqual(speedOf({ first: 0.4, writing: 2, characters: 300 }), { first: 0.4, rate: 150, unit: "characters", tokens: 0 });
});

test("what came at once has no speed, and what nobody timed has nothing", () => {
  assert.equal(speedOf({ first: 0.4, writing: 0, characters: 3, tokens: 1 })?.rate, null);
  assert.equal(speedOf(undefined), null);
});
