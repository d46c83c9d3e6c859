import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf, shortcuts, shown } from "../../../chat/static/chat/keys.js";

const press = (key, more = {}) => ({ key, code: "", ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });
const command = (event, types = false, mac = false) => commandOf(event, types, mac)?.command ?? null;

test("shortcuts with Ctrl or Alt work also while one types", () => {
  for (const types of [true, false]) {
    assert.equal(command(press("k", { ctrlKey: true }), types), "palette");
    assert.equal(command(press("O", { code: "KeyO", ctrlKey: true, shiftKey: true }), types), "new");
    assert.equal(command(press(".", { ctrlKey: true }), types), "stop");
    assert.equal(command(press("ArrowDown", { altKey: true }), types), "next");
    assert.equal(command(press("q", { code: "KeyQ", altKey: true }), types), "quote");
  }
  assert.deepEqual(commandOf(press("1", { code: "Digit1", altKey: true }), true, false), { command: "pane", number: 1 });
});

test("on a Mac the characters that Alt types can be typed, and are shortcuts elsewhere", () => {
  for (const [key, code, meant] of [["#", "Digit3", "pane"], ["€", "Digit2", "pane"], ["«", "KeyQ", "quote"]]) {
    assert.equal(command(press(key, { code, altKey: true }), true, true), null);
    assert.equal(command(press(key, { code, altKey: true }), false, true), meant);
  }
  assert.equal(command(press("ArrowUp", { altKey: true }), true, true), "previous");
  assert.equal(command(press("k", { metaKey: true }), true, true), "palette");
});

test("plain characters are shortcuts only where nothing is typed", () => {
  assert.equal(command(press("?", { shiftKey: true })), "shortcuts");
  assert.equal(command(press("/")), "filter");
  for (const key of ["?", "/", "k", "ArrowUp", "Enter"]) assert.equal(command(press(key), true), null);
});

test("what belongs to the browser stays with it", () => {
  for (const event of [
    press("l", { ctrlKey: true }),
    press("k", { ctrlKey: true, altKey: true }),
    press("ArrowDown", { altKey: true, shiftKey: true }),
    press("4", { code: "Digit4", altKey: true }),
    press("?", { ctrlKey: true }),
  ]) {
    assert.equal(command(event), null);
  }
});

test("every shortcut of the list is told, with keys that can be shown", () => {
  for (const { label, keys } of shortcuts()) assert.ok(label && shown(keys).every(Boolean));
  assert.deepEqual(shown("Mod+K"), ["Ctrl", "K"]);
});
