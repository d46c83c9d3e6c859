import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../../chat/static/chat/state.js";
import { Timings } from "../../../chat/static/chat/timings.js";
import { FakeClock } from "./surroundings.js";
import { fixtures, following, frames } from "./wire.js";

const { follows, frames: sent } = fixtures.find((one) => one.name === "retried.json");
const [shot, announced] = sent;
const { run } = announced.change.runs[0];
const words = (after, delta) => ({ type: "run.events", chat: follows[0], run, after, seq: after + 1, events: [{ type: "TEXT_MESSAGE_CONTENT", messageId: "p", delta }] });
const finished = (after, usage) => ({ type: "run.events", chat: follows[0], run, after, seq: after + 1, events: [{ type: "RUN_FINISHED", threadId: "t", runId: run, usage }] });

async function watch(steps, known = [shot]) {
  const clock = new FakeClock();
  const store = new Store(() => {});
  store.state = frames(following(...follows), ...known);
  const timings = new Timings(store, clock.now);
  for (const [milliseconds, frame] of steps) {
    await clock.pass(milliseconds);
    store.dispatch({ type: "frame", frame });
  }
  return timings.of(run);
}

test("the first words and the tokens in a second after them are measured", async () => {
  const steps = [[0, announced], [400, words(0, "a".repeat(20))], [1000, words(1, "b".repeat(80))], [1000, finished(2, [{ outputTokens: 50 }])]];
  assert.deepEqual(await watch(steps), { first: 0.4, rate: 20, unit: "tokens", tokens: 50 });
});

test("where the model does not count, characters are", async () => {
  const steps = [[0, announced], [400, words(0, "a")], [2000, words(1, "b".repeat(80))], [0, finished(2)]];
  assert.deepEqual(await watch(steps), { first: 0.4, rate: 40, unit: "characters", tokens: 0 });
});

test("of a reply that had begun before, the first words are not known", async () => {
  const result = await watch([[0, words(0, "a")], [1000, words(1, "bb")], [1000, finished(2)]], [shot, announced]);
  assert.deepEqual(result, { first: null, rate: 1, unit: "characters", tokens: 0 });
});

test("of a reply that nobody saw here, nothing is", async () => {
  assert.equal(await watch([]), null);
});
