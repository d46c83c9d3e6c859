import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownBlocks } from "../../../chat/static/chat/markdown/blocks.js";
import { mend } from "../../../chat/static/chat/markdown/half-open.js";
import { markdown } from "../../../chat/static/chat/markdown/parser.js";

const TEXTS = {
  emphasis: "Some **bold and *both* here** and ***all*** or __so__ ~~no~~ a * b * c, 2*3*4, snake_case_word end.",
  "emphasis over lines": "one **two\nthree** four\n\n*five\nsix* seven",
  code: "Use `a` and ``b ` c`` and `**no**` end.",
  links: '[r]: https://r.example/\n\nSee [a **link**](https://a.example/x_(y)?q=1 "t") and [other][r] then <https://b.example/z> end.',
  images: "An ![alt *text*](https://a.example/p.png) and [![in](https://i.example/)](https://a.example) end.",
  "a fence": "Look:\n\n```python\nprint('**x**')\n`not`\n```\n\nafter",
  "a fence of tildes in a list": "- one\n\n  ~~~js\n  a | b\n  ~~~\n- two",
  "a fence after a paragraph": "Look:\n```sh\nls\n```\nafter",
  "indented code": "text\n\n    a **b** `c\n    | d\n\nend",
  "a table": "| a | b **c** |\n|---|:-:|\n| **1** | `2` |\n| [x](https://x.example) | y |\n\nend",
  "a table in words": "Before\n\n| only |\n|---|\n| 1 |",
  lists: "- a\n- **b** c\n  - d\n\n1. x\n2. y\n10. z\n\n* p\n+ q",
  tasks: "- [ ] open **one**\n- [x] done\n- [link](https://a.example)",
  headings: "# One\n\n### Two *three*\n\nTitle\n=====\n\nOther\n---\n\ntext\n- a",
  quotations: "> a **b\n> c** d\n>\n> - e\n\nend",
  mathematics: "So $x^2$ costs $5 and $10, \\(a+b\\) and $\\alpha$ done.\n\n$$\n\\frac{1}{2}\n$$\n\nInline $$y$$ then \\[z\\] end.\n\n\\[\nq + 1\n\\]",
  entities: "a &amp; b &lt;c&gt; d & e < f > g \\* h",
  rules: "a\n\n---\n\nb\n\n***\n\nc",
  footnotes: "A note[^1] and more.\n\n[^1]: The *first* one.",
  korean: "**굵게** 쓰고 *기울여* `코드` [링크](https://a.example) 끝.",
};

const visible = (html) =>
  html.replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&amp;/g, "&").replace(/\s+/g, "");

for (const [name, text] of Object.entries(TEXTS)) {
  test(`${name}: while it is written, nothing is seen that is not there in the end`, () => {
    const whole = visible(markdown.render(text));
    const blocks = new MarkdownBlocks();
    for (let end = 1; end <= text.length; end++) {
      const seen = visible(blocks.update(text.slice(0, end), true).join(""));
      assert.ok(whole.startsWith(seen), `${JSON.stringify(text.slice(0, end).slice(-40))} shows ${JSON.stringify(seen.slice(-40))}`);
    }
    assert.equal(blocks.update(text).join(""), markdown.render(text), "in the end it is what it is");
  });
}

test("what is open is shown as what it becomes, not held back", () => {
  const shows = (source, html) => assert.equal(markdown.render(mend(source)).trim(), html, source);
  shows("a **bo", "<p>a <strong>bo</strong></p>");
  shows("a *b **c", "<p>a <em>b <strong>c</strong></em></p>");
  shows("run `ls -", "<p>run <code>ls -</code></p>");
  shows("see [the pa", "<p>see the pa</p>");
  shows("see [the page](https://a.exa", "<p>see the page</p>");
  shows("- **a", "<ul>\n<li><strong>a</strong></li>\n</ul>");
  shows("```js\nlet a", '<pre><code class="language-js">let a</code></pre>');
  assert.match(markdown.render(mend("| a | b")), /<th>a<\/th>\n<th>b<\/th>/);
  assert.match(markdown.render(mend("| a | b |\n|--")), /<th>a<\/th>\n<th>b<\/th>/);
  assert.match(markdown.render(mend("| a |\n|---|\n| **b")), /<td><strong>b<\/strong><\/td>/);
});

test("a price or a lone mark holds nothing back for long", () => {
  assert.equal(markdown.render(mend("It costs $5 and then some")), "<p>It costs $5 and then some</p>\n");
  assert.match(markdown.render(mend(`A $dollar ${"and more words ".repeat(20)}`)), /dollar and more/);
  assert.match(markdown.render(mend("2 * 3 and more")), /2 \* 3 and more/);
});

test("a long text without an end is mended in time that grows with it and not faster", () => {
  const started = performance.now();
  for (const piece of ["[", "**a ", "`", "$x", "![", "a_b ", "\\(", "| a ", "> ", "- [ ] ", "<a:"]) mend(piece.repeat(20_000));
  assert.ok(performance.now() - started < 8000, `${performance.now() - started} ms`);
});

test("a link whose definition comes later is its words alone until then, or what was written where none comes", () => {
  const blocks = new MarkdownBlocks();
  const text = "See [the *page*][p] and note[^why].\n\nNext a[i][j] and [plain].\n\n";
  const live = blocks.update(text, true).join("");
  assert.match(live, /<p>See the <em>page<\/em> and note<sup class="footnote-ref">why<\/sup>\.<\/p>/);
  assert.match(live, /Next a\[i\]\[j\] and \[plain\]\./);
  const defined = `${text}[p]: https://p.example/\n`;
  assert.match(blocks.update(defined, true).join(""), /<a href="https:\/\/p.example\/">the <em>page<\/em><\/a>/);
  for (const end of [text, defined, `${defined}\n[^why]: Because.`]) {
    const other = new MarkdownBlocks();
    other.update(text, true);
    assert.equal(other.update(end, false).join(""), markdown.render(end), "at the end it is what it is");
  }
});
