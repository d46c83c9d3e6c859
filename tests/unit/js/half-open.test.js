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

/** Code that is being written as the HTML that it stands for. */
const asHtml = (sources) => sources.map((source) => source.code === undefined ? source : source.html.replace("</code>", () => `${markdown.utils.escapeHtml(source.code)}</code>`)).join("");

const visible = (html) =>
  html.replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&amp;/g, "&").replace(/\s+/g, "");

for (const [name, text] of Object.entries(TEXTS)) {
  test(`${name}: while it is written, nothing is seen that is not there in the end`, () => {
    const whole = visible(markdown.render(text));
    const blocks = new MarkdownBlocks();
    for (let end = 1; end <= text.length; end++) {
      const seen = visible(asHtml(blocks.update(text.slice(0, end), true)));
      assert.ok(whole.startsWith(seen), `${JSON.stringify(text.slice(0, end).slice(-40))} shows ${JSON.stringify(seen.slice(-40))}`);
    }
    assert.equal(blocks.update(text).join(""), markdown.render(text), "in the end it is what it is");
  });
}

// What is before the code, the code up to the end of its last line, and what comes then.
for (const [name, [before, code, after]] of Object.entries({
  "a fence": ["```python\n", "print('**x**')\n\n  `not`\n``\n ```` ", "\nafter\n\nmore"],
  "longer marks": ["~~~~ js `x`\n", "a ~~~ b\n~~~\n   ~~~~~\t", "\n# Title\n"],
  "right after a paragraph": ["Look:\n```sh\n", "ls\n\n    ```\n\t```\n> b\n```", "\n- after"],
  "line ends of all kinds": ["```\r\n", "a\rb\r\n\r\r\nc\n```\r", "\nd"],
  "a NUL": ["```\n", "a\0b\n```", "\n"],
  "a formula that takes in a fence": ["$$\na\n```\nb\n$$\n\nc\n```\n", "d\n```", ""],
  "no fence at the margin": ["- a\n\n  ```js\n  b\n  ```\n> ```\n> c\n\n ```\n d\n ```\n", null, ""],
  "no fence at all": ["``` a ` b\nc\n", null, ""],
})) {
  test(`code that is being written is what parsing it each time would make it: ${name}`, () => {
    const blocks = new MarkdownBlocks();
    const text = before + (code ?? "") + after;
    let written = 0;
    for (let end = 1; end <= text.length; end++) {
      const sofar = text.slice(0, end);
      const sources = blocks.update(sofar, true);
      if (sources.at(-1)?.code === undefined) continue;
      written += 1;
      // Parsing leaves out empty lines at the end. A line that may become the last one of the code is held back.
      const lines = (html) => html.replace(/\s+(?=<\/code>)/, "");
      const undecided = /(?<=[\n\r]) {0,3}[`~]*[ \t]*\r?$/;
      assert.equal(lines(asHtml(sources)), lines(markdown.render(sofar.replace(undecided, ""))), JSON.stringify(sofar));
    }
    assert.equal(written, code === null ? 0 : code.length + 1, "so often it was code that is being written");
    assert.equal(blocks.update(text).join(""), markdown.render(text), "in the end it is what it is");
  });
}

test("a line of code is looked at once, however many there are", () => {
  const blocks = new MarkdownBlocks();
  const parsed = [];
  const { parse } = markdown.block;
  markdown.block.parse = (source, ...rest) => {
    parsed.push(source.length);
    return parse.call(markdown.block, source, ...rest);
  };
  try {
    let text = "Look:\n```js\n";
    const began = text;
    for (let count = 0; count < 300; count++) {
      for (const token of ["let a", ` = ${count}`, ";\n"]) {
        const shown = blocks.update((text += token), true).at(-1);
        assert.equal(shown.code, text.slice(began.length));
      }
    }
    const known = blocks.update(text, true).at(-1);
    assert.equal(blocks.update(text, true).at(-1), known, "nothing new is the same object");
    assert.equal(blocks.update((text += "``"), true).at(-1), known, "nor is a line that may be the last one");
    assert.ok(Math.max(...parsed) <= began.length, `parsed ${Math.max(...parsed)} characters at once`);
    const whole = parsed.length;
    blocks.update((text += "`\nAnd"), true);
    assert.equal(parsed.slice(whole).filter((length) => length > 100).length, 1, "its end is drawn once");
    blocks.update((text += " then"), true);
    assert.equal(parsed.slice(whole).filter((length) => length > 100).length, 1, "and not again");
  } finally {
    markdown.block.parse = parse;
  }
});

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
