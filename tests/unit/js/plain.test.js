import assert from "node:assert/strict";
import { test } from "node:test";
import { plainWords } from "../../../chat/static/chat/markdown/plain.js";

const CASES = [
  ["Some **bold**, *slanted*, ~~struck~~ and `code`", "Some bold, slanted, struck and code"],
  ["## Title\n\n- [x] done\n- __two__\n1. one\n> said", "Title done two one said"],
  ["| a | b |\n|---|:-:|\n| **1** | 2 |", "a b 1 2"],
  ["```python\nx = 2 * 3\n```\nend", "x = 2 * 3 end"],
  ["See [the page](https://a.example/b \"t\"), [that][r] and ![a picture](https://a.example/x.png).", "See the page, that and a picture."],
  ["half [a link", "half a link"],
  ["half [a link](https://a.exa", "half a link"],
  ["snake_case and 2*3 and a_b_ stay", "snake_case and 2*3 and a_b stay"],
  ["**굵게** 쓰고 _기울여_", "굵게 쓰고 기울여"],
  ["cut **in the mid", "cut in the mid"],
  ["2\\*3\n\n-", "2*3"],
];

for (const [source, words] of CASES) {
  test(`the words of ${JSON.stringify(source)}`, () => assert.equal(plainWords(source), words));
}

test("long marks without an end cost no more than their length", () => {
  const begun = performance.now();
  for (const piece of ["[", "![", "**", "`", "|", "> ", "- ", "[a](", "[a][", "_a", "\\"]) plainWords(piece.repeat(600));
  assert.ok(performance.now() - begun < 1000);
});
