import assert from "node:assert/strict";
import { test } from "node:test";
import { close, fromPath, show, toPath, visible, waiting } from "../../../chat/static/chat/panes.js";

const A = "00000000-0000-4000-8000-00000000000a";
const B = "00000000-0000-4000-8000-00000000000b";

test("the address holds the open chats, and a new one is not in it", () => {
  assert.equal(toPath([A, "new", B]), `/c/${A}+${B}`);
  assert.equal(toPath(["new"]), "/");
  assert.deepEqual(fromPath(`/c/${A}+${B}`), { keys: [A, B], focus: 0 });
  assert.deepEqual(fromPath("/"), { keys: ["new"], focus: 0 });
});

test("an address with nonsense, repetitions or too many chats opens what can be opened", () => {
  assert.deepEqual(fromPath(`/c/${A}+x+${A}`).keys, [A]);
  assert.deepEqual(fromPath("/c/../../admin").keys, ["new"]);
  assert.equal(fromPath(`/c/${[1, 2, 3, 4, 5].map((n) => A.slice(0, -1) + n).join("+")}`).keys.length, 3);
});

test("showing a chat replaces the one in focus, unless it is there already or goes beside", () => {
  assert.deepEqual(show({ keys: [A], focus: 0 }, B), { keys: [B], focus: 0 });
  assert.deepEqual(show({ keys: [A, B], focus: 0 }, B), { keys: [A, B], focus: 1 });
  assert.deepEqual(show({ keys: [A], focus: 0 }, B, true), { keys: [A, B], focus: 1 });
  const full = show({ keys: [A, B, "c"], focus: 2 }, "d", true);
  assert.equal(full.keys.length, 3);
  assert.equal(full.keys[full.focus], "d");
});

test("closing keeps the focus where it was, and leaves a new chat where there was one", () => {
  assert.deepEqual(close({ keys: [A, B], focus: 1 }, A), { keys: [B], focus: 0 });
  assert.deepEqual(close({ keys: [A, B], focus: 1 }, B), { keys: [A], focus: 0 });
  assert.deepEqual(close({ keys: [A], focus: 0 }, A), { keys: ["new"], focus: 0 });
});

test("where not all panes fit, the one in focus is among those shown", () => {
  for (const focus of [0, 1, 2]) {
    for (const room of [1, 2, 3]) {
      const keys = visible({ keys: ["a", "b", "c"], focus }, room);
      assert.equal(keys.length, room);
      assert.ok(keys.includes("abc"[focus]));
    }
  }
});

test("those for which there is no room are told in the order in which one comes to them", () => {
  const keys = ["a", "b", "c"];
  assert.deepEqual(waiting({ keys, focus: 0 }, 1), ["b", "c"]);
  assert.deepEqual(waiting({ keys, focus: 1 }, 1), ["c", "a"]);
  assert.deepEqual(waiting({ keys, focus: 2 }, 2), ["a"]);
  assert.deepEqual(waiting({ keys, focus: 2 }, 3), []);
});

test("what waits for room comes beside the one in focus when it is asked for there", () => {
  const panes = show({ keys: ["a", "b", "c"], focus: 0 }, "c", true);
  assert.deepEqual(panes, { keys: ["a", "c", "b"], focus: 1 });
  assert.deepEqual(visible(panes, 2), ["a", "c"]);
  assert.deepEqual(show({ keys: ["a", "b", "c"], focus: 2 }, "a", true), { keys: ["b", "c", "a"], focus: 2 });
});
