import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { once } from "../../../chat/static/chat/once.js";
import { settle } from "./surroundings.js";

test("what is there is fetched once, and what failed again ten seconds later", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let fetches = 0;
  const get = once(async (/** @type {string} */ name) => {
    fetches += 1;
    if (fetches === 1) throw new Error("no network");
    return name;
  });
  await assert.rejects(get("a"));
  await assert.rejects(get("a"));
  mock.timers.tick(9_999);
  await assert.rejects(get("a"));
  assert.equal(fetches, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(await get("a"), "a");
  mock.timers.tick(60_000);
  assert.equal(await get("a"), "a");
  assert.equal(fetches, 2);
});
