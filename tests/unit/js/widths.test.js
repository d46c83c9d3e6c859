import assert from "node:assert/strict";
import { test } from "node:test";
import { LEAST, moveBorder, readShares, writeShares } from "../../../chat/static/chat/widths.js";

const near = (actual, expected) => actual.forEach((share, at) => assert.ok(Math.abs(share - expected[at]) < 0.001, `${actual}`));

test("widths are kept, and what makes no sense is equal widths", () => {
  near(readShares(writeShares([0.25, 0.75]), 2), [0.25, 0.75]);
  for (const nonsense of [null, "", "1", "0.5 0.4", "a b", "0.01 0.99", "NaN NaN"]) near(readShares(nonsense, 2), [0.5, 0.5]);
  near(readShares("0.5 0.5", 3), [1 / 3, 1 / 3, 1 / 3]);
});

test("a border moves between its two panes, and leaves each the least", () => {
  near(moveBorder([0.5, 0.5], 0, 0.1), [0.6, 0.4]);
  near(moveBorder([0.4, 0.3, 0.3], 1, -0.1), [0.4, 0.2, 0.4]);
  near(moveBorder([0.5, 0.5], 0, 9), [1 - LEAST, LEAST]);
  near(moveBorder([0.5, 0.5], 0, -9), [LEAST, 1 - LEAST]);
  near(moveBorder([0.5, 0.5], 0, 0.3, 0.6), [0.5, 0.5]);
});
