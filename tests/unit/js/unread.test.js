import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../../chat/static/chat/state.js";
import { Shelf } from "../../../chat/static/chat/storage.js";
import { Unread } from "../../../chat/static/chat/unread.js";
import { FakeStorage } from "./surroundings.js";

const chat = (id, version, live) => ({ id, title: id, agent: "a", version, archived: false, live, created_at: "", updated_at: "" });

/** One tab of a browser, that looks at the chats in `watching`. */
function openTab(storage, watching = []) {
  const store = new Store(() => {});
  const unread = new Unread(store, new Shelf(storage, "unread."), () => watching, () => 1);
  const changed = (...chats) => store.dispatch({ type: "frame", frame: { type: "chats.changed", chats, removed: [] } });
  return { store, unread, changed, watching, marked: () => Object.keys(store.state.unread) };
}

test("a reply that ends while nobody looks is unread until somebody does", () => {
  const tab = openTab(new FakeStorage());
  tab.changed(chat("a", 1, true));
  assert.deepEqual(tab.marked(), []);
  tab.changed(chat("a", 2, false));
  assert.deepEqual(tab.marked(), ["a"]);
  tab.watching.push("a");
  tab.unread.look();
  assert.deepEqual(tab.marked(), []);
});

test("a reply that ends before one's eyes is not, and a chat that never streamed neither", () => {
  const tab = openTab(new FakeStorage(), ["a"]);
  tab.changed(chat("a", 1, true), chat("b", 1, false));
  tab.changed(chat("a", 2, false), chat("b", 2, false));
  assert.deepEqual(tab.marked(), []);
});

test("a reply that ended while no tab was open is unread in the next one", () => {
  const storage = new FakeStorage();
  openTab(storage, ["a"]).changed(chat("a", 1, true));
  const later = openTab(storage);
  later.changed(chat("a", 2, false));
  assert.deepEqual(later.marked(), ["a"]);
  assert.deepEqual(openTab(storage).marked(), ["a"], "and stays so over a reload");
});

test("what one tab has shown is not unread in another, whichever hears of the end first", () => {
  for (const readerFirst of [true, false]) {
    const storage = new FakeStorage();
    const reader = openTab(storage, ["a"]);
    const other = openTab(storage);
    for (const tab of [reader, other]) tab.changed(chat("a", 1, true));
    for (const tab of readerFirst ? [reader, other] : [other, reader]) tab.changed(chat("a", 2, false));
    reader.unread.load();
    other.unread.load();
    assert.deepEqual([reader.marked(), other.marked()], [[], []]);
  }
});

test("marks of chats that are gone go, and of very many the oldest", () => {
  const storage = new FakeStorage();
  const tab = openTab(storage);
  tab.changed(chat("a", 1, true));
  tab.changed(chat("a", 2, false));
  tab.store.dispatch({ type: "removed", chat: "a" });
  assert.deepEqual(tab.marked(), []);
  for (let number = 0; number < 250; number++) storage.setItem(`unread.c${number}`, `unread ${number}`);
  assert.equal(openTab(storage).marked().length, 200);
  assert.equal(storage.getItem("unread.c0"), null);
  assert.ok(storage.getItem("unread.c249"));
});
