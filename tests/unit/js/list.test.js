import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inOrder } from "../../../chat/static/chat/list.js";

const chat = (id, updated_at, more = {}) => ({ id, title: `Chat ${id}`, updated_at, archived: false, pinned: false, ...more });
const ids = (...list) => inOrder(...list).map(({ id }) => id);

test("pinned chats stand first, then the one with the newest message", () => {
  const chats = [chat("a", "1"), chat("b", "3"), chat("c", "2", { pinned: true }), chat("d", "1", { pinned: true }), chat("e", "3")];
  assert.deepEqual(ids(chats, false), ["c", "d", "e", "b", "a"]);
});

test("archived chats are a list of their own", () => {
  const chats = [chat("a", "1"), chat("b", "2", { archived: true })];
  assert.deepEqual(ids(chats, true), ["b"]);
  assert.deepEqual(ids(chats, false), ["a"]);
});

test("the filter looks for words in the title, in any case", () => {
  const chats = [chat("a", "1", { title: "Über Ebbe" }), chat("b", "2", { title: "Flut" })];
  assert.deepEqual(ids(chats, false, "ÜBER"), ["a"]);
  assert.deepEqual(ids(chats, false, "x"), []);
});

test("titles are found as the server finds them", () => {
  for (const [title, words, found] of JSON.parse(readFileSync(new URL("../../fixtures/titles.json", import.meta.url), "utf8"))) {
    assert.equal(inOrder([chat("a", "1", { title })], false, words).length === 1, found, `${words} in ${title}`);
  }
});
