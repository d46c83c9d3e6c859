import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../../chat/static/chat/state.js";

const toast = (id) => ({ type: "toast", toast: { id, text: id } });

test("many changes are one drawing, and the logic hears of each at once", () => {
  const drawings = [];
  const store = new Store((draw) => drawings.push(draw));
  const heard = [];
  let drawn = 0;
  store.follow((_state, action) => heard.push(action.toast.id));
  store.view(() => (drawn += 1));
  for (const id of ["a", "b", "c"]) store.dispatch(toast(id));
  assert.deepEqual(heard, ["a", "b", "c"]);
  assert.equal(drawings.length, 1);
  assert.equal(drawn, 0);
  drawings[0]();
  assert.equal(drawn, 1);
  store.dispatch(toast("d"));
  assert.equal(drawings.length, 2);
});

test("what changes nothing is not drawn", () => {
  const drawings = [];
  const store = new Store((draw) => drawings.push(draw));
  store.dispatch({ type: "frame", frame: { type: "tea.ready" } });
  assert.equal(drawings.length, 0);
});

test("a viewer that left is not called", () => {
  let draw = () => {};
  const store = new Store((call) => (draw = call));
  const leave = store.view(() => assert.fail("called"));
  store.dispatch(toast("a"));
  leave();
  draw();
});
