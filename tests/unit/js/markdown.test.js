import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MarkdownBlocks } from "../../../chat/static/chat/markdown/blocks.js";
import { markdown } from "../../../chat/static/chat/markdown/parser.js";

const HOSTILE = JSON.parse(readFileSync(new URL("../../fixtures/hostile_markdown.json", import.meta.url), "utf8"));
const TEXTS = {
  ...HOSTILE,
  "paragraphs and headings": "# One\n\nSome *text*\nover lines\n\nTitle\n=====\n\nMore\n---\n\n## Two ##\nEnd",
  lists: "- a\n- b\n\n  in b\n\n- c\n    - d\n\n1. one\n2. two\n\n\n3) other\n\n* x\n* y\n\nlast",
  "a list that becomes loose": "- a\n- b\n\n- c\n\nafter",
  "fences with empty lines": "before\n\n```python\ndef f():\n\n    return 1\n```\n\nafter\n\n~~~\nopen to the end\n\n# not a heading",
  "indented code": "text\n\n    code\n\n    more\n\nend\n\n\ttab",
  quotations: "> a\nlazy\n\n> b\n>\n> - c\n\n>> d\n\nend",
  tables: "| a | b |\n|:--|--:|\n| 1 | `x|y` |\n\ntext\n| no | table\n\nh1 | h2\n---|---\nc1 | c2\n\nend",
  "definitions after their use": "See [one] and [two].\n\nAgain [two][one].\n\n[one]: https://a.example/\n\nmore [two]\n\n[two]:\n  https://b.example/\n  'title'\n\nend [one]",
  "definitions that change their mind": "[a]: /x\n\"ti\ntle\"\n\n[a]\n\n[a]: https://later.example/\n\n[A]",
  "a definition in a list": "[x]\n\n- [x]: https://x.example/\n\nend",
  "line ends of all kinds": "a\r\n\r\nb\rc\r\r- d\r\n- e\r\n\r\n\r\n    f\r\n\r\ng\r",
  "rules and breaks": "a\n***\nb\n\n---\n\nc  \nd\\\ne\n\n- - -\n\n_ _ _",
  "html is text": "<div>\n\n*not raw*\n\n</div>\n\n<script>\n\nalert(1)\n\n</script>\n\n<!-- c\n\n-->",
  "half-open things": "**bold\n\n[link](http\n\n`code\n\n![img](\n\n| a |\n|--",
  "wide characters": "日本語 **太字**\n\n👩‍👩‍👧 *é*\n\n- 한국어\n\n끝",
  empty: "\n\n \n\t\n",
};

for (const [name, text] of Object.entries(TEXTS)) {
  test(`${name}: every way of cutting gives the HTML of the whole`, () => {
    const whole = markdown.render(text);
    for (let step = 1; step <= text.length; step++) {
      const blocks = new MarkdownBlocks();
      for (let end = step; end < text.length; end += step) blocks.update(text.slice(0, end));
      assert.equal(blocks.update(text).join(""), whole, `in pieces of ${step}`);
    }
  });

  test(`${name}: at every character the blocks are those of the text so far`, () => {
    const blocks = new MarkdownBlocks();
    for (let end = 1; end <= text.length; end++) {
      const sofar = text.slice(0, end);
      assert.equal(blocks.update(sofar).join(""), markdown.render(sofar), JSON.stringify(sofar));
    }
  });
}

test("pieces of Markdown in two thousand random orders, cut anywhere, shown as they came or as they will be, make the same HTML as the whole", () => {
  // A small generator of its own, so that a failure can be had again.
  let seed = 42;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const pieces = ["- a\n", "  b\n", "\n", "\n\n", "> q\n", "```\n", "~~~\n", "    i\n", "p\n", "===\n", "---\n", "| a | b |\n", "|---|---|\n", "1. n\n", "   c\n", "[r]: https://r.example/\n", "[r]\n", "# h\n", "\t- t\n", "*x", "`", "<b>\n", "\r\n", " \n", "[s]:\n", "\"t\n", "***\n", "+ u\n", "```js\n", "````\n", " ```\n", "~~~ `\n", "$$\n", "\\[\n", "\\]\n", "[^1]: n\n"];
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: 2 + random(14) }, () => pieces[random(pieces.length)]).join("");
    const blocks = new MarkdownBlocks();
    for (let end = 0; end < text.length; end += 1 + random(5)) blocks.update(text.slice(0, end), round % 2 > 0);
    assert.equal(blocks.update(text).join(""), markdown.render(text), JSON.stringify(text));
  }
});

test("finished blocks stay the same strings, and only the tail is parsed again", () => {
  const paragraph = "Some words of a paragraph.\n\n";
  const blocks = new MarkdownBlocks();
  const parsed = [];
  const { render } = markdown;
  markdown.render = (source, env) => {
    parsed.push(source.length);
    return render.call(markdown, source, env);
  };
  try {
    let text = "";
    for (let count = 0; count < 200; count++) blocks.update((text += paragraph));
  } finally {
    markdown.render = render;
  }
  assert.ok(Math.max(...parsed) <= 2 * paragraph.length, `parsed ${Math.max(...parsed)} characters at once`);
});

test("a text that is not the old one with more begins anew", () => {
  const blocks = new MarkdownBlocks();
  blocks.update("One.\n\nTwo.\n\nThree.");
  assert.equal(blocks.update("Other.\n\nText.").join(""), markdown.render("Other.\n\nText."));
});

test("only http, https and mailto become links", () => {
  for (const url of ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "/admin/", "//evil.example", "java&#115;cript:x", "blob:x"]) {
    assert.doesNotMatch(markdown.render(`[x](${url}) <${url}>`), /<a/, url);
  }
  for (const url of ["http://a.example", "https://a.example/?q=1", "mailto:a@b.example"]) {
    assert.match(markdown.render(`[x](${url})`), /<a href="/, url);
  }
});

for (const [name, text] of Object.entries(HOSTILE)) {
  test(`hostile ${name}: raw HTML stays text, and every address is one that may be followed`, () => {
    const html = markdown.render(text);
    const tags = html.match(/<[^>]*>/g) ?? [];
    for (const tag of tags) assert.match(tag, /^<\/?(p|br|hr|h4|strong|em|s|code|pre|blockquote|ul|ol|li|a|table|thead|tbody|tr|th|td)\b/, tag);
    for (const [, href] of html.matchAll(/href="([^"]*)"/g)) assert.match(href, /^(https?|mailto):/);
  });
}

test("an image becomes a link to it, words inside a link, and never an image", () => {
  assert.equal(markdown.render("![a cat](https://a.example/c.png)"), '<p><a href="https://a.example/c.png">image: a cat</a></p>\n');
  assert.equal(markdown.render("[![a](https://i.example/)](https://a.example)"), '<p><a href="https://a.example">image: a</a></p>\n');
  assert.doesNotMatch(markdown.render("![x](data:image/png;base64,AA) ![](//e.example/x)"), /<img|<a/);
});

test("headings stand below the message's own, and say by a class how large they are", () => {
  assert.equal(markdown.render("# One\n\nSix\n---\n"), '<h4 class="level-1">One</h4>\n<h4 class="level-2">Six</h4>\n');
});

test("a column's alignment is a class, not a style", () => {
  const html = markdown.render("|a|b|\n|:-:|--|\n|1|2|");
  assert.match(html, /<td class="align-center">/);
  assert.doesNotMatch(html, /style=/);
});
