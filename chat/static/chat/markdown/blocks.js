/**
 * A growing Markdown text as blocks, so that a token costs the last block and not the whole reply.
 *
 * What holds: however the text is cut into pieces, the blocks' HTML joined is that of the whole text parsed at once. A
 * block is finished where a later one begins on a complete line after an empty one: only an incomplete line can still
 * change what it is, and nothing of CommonMark reaches across an empty line from a finished block but link definitions
 * (`[label]: url`), which are kept and may make earlier blocks be drawn again. Code between fences needs no empty line
 * before it, and while it is being written it is not parsed at all (open-code.js): files have a thousand lines.
 */
import { mend } from "./half-open.js";
import { OpenCode } from "./open-code.js";
import { markdown } from "./parser.js";

/**
 * @typedef {import("markdown-it").Token} Token
 * @typedef {{source: string, html: string, awaits: boolean}} Block   `awaits`: it names a definition that may still come
 * @typedef {import("./open-code.js").GrowingCode} GrowingCode
 */

/** Begins a line where a formula may begin that has no end yet; it would take in the fence below it. */
const FORMULA = /^[ \t>]*(?:\$\$|\\\[)/m;

export class MarkdownBlocks {
  /** @type {Block[]} */
  finished = [];
  /** How much of the text the finished blocks hold, in characters. */
  length = 0;
  seen = "";
  /** @type {Record<string, any>} the link definitions of the finished blocks */
  references = {};
  /** @type {OpenCode | null} the last block, where that is code between fences whose end has not come */
  code = null;

  /**
   * The HTML of each block of `text`, which is usually the last text with something added. The strings of finished blocks
   * stay the same, so whoever draws them need not draw them again. Code that is being written is no HTML, but what it is
   * so far: there more is added to what was drawn.
   *
   * @param {string} text
   * @param {boolean} [live] more is coming, so the last block is shown as what it seems to become (half-open.js)
   * @returns {(string | GrowingCode)[]}
   */
  update(text, live = false) {
    if (!text.startsWith(this.seen)) Object.assign(this, new MarkdownBlocks());
    this.seen = text;
    if (!live) this.code = null;
    else if (this.code) this.readCode(this.code, text);
    while (!this.code) {
      this.finishBlocks(text, live);
      const code = live && OpenCode.at(text, this.length);
      if (!code) break;
      this.readCode(code, text);
    }
    if (this.code) return [...this.finished.map((block) => block.html).filter((html) => html), this.code.shown];
    if (!live) this.finished = this.finished.map((block) => (block.awaits ? again(block, this.references, false) : block));
    const references = { ...this.references };
    const rest = text.slice(this.length);
    const tail = render(live ? mend(rest) : rest, references, live).html;
    const defines = Object.keys(references).length > Object.keys(this.references).length;
    const finished = defines ? this.finished.map((block) => again(block, references, live)) : this.finished;
    return [...finished.map((block) => block.html), tail].filter((html) => html);
  }

  /**
   * Code is finished by the line that ends it, whatever comes after.
   *
   * @param {OpenCode} code
   * @param {string} text
   */
  readCode(code, text) {
    const end = code.read(text);
    this.code = end < 0 ? code : null;
    if (end < 0) return;
    this.finished.push(render(text.slice(this.length, end), this.references, true));
    this.length = end;
  }

  /**
   * @param {string} text
   * @param {boolean} live
   */
  finishBlocks(text, live) {
    const complete = completeLines(text, this.length);
    const cut = lastCut(complete);
    if (!cut) return;
    const source = complete.slice(0, cut);
    const known = Object.keys(this.references).length;
    this.finished.push(render(source, this.references, live));
    this.length += cut;
    if (Object.keys(this.references).length > known) {
      this.finished = this.finished.map((block) => again(block, this.references, live));
    }
  }
}

/**
 * A block once more, now that a definition which came after it is known.
 *
 * @param {Block} block
 * @param {Record<string, any>} references
 * @param {boolean} live
 * @returns {Block}
 */
function again(block, references, live) {
  return block.source.includes("[") ? render(block.source, { ...references }, live) : block;
}

/**
 * @param {string} source
 * @param {Record<string, any>} references known definitions; new ones are added
 * @param {boolean} live
 * @returns {Block}
 */
function render(source, references, live) {
  const env = { references, live, awaits: false };
  return { source, html: source ? markdown.render(source, env) : "", awaits: env.awaits };
}

/**
 * The rest of the text up to its last line end. A carriage return at the very end may be half of one.
 *
 * @param {string} text
 * @param {number} from
 */
function completeLines(text, from) {
  const end = text.endsWith("\r") ? text.length - 2 : text.length - 1;
  if (end < from) return "";
  const last = Math.max(text.lastIndexOf("\n", end), text.lastIndexOf("\r", end));
  return text.slice(from, Math.max(from, last + 1));
}

/**
 * Where the last block of complete lines begins, if an empty line is before it or it is fenced code; else 0.
 *
 * @param {string} source
 */
function lastCut(source) {
  /** @type {Token[]} */
  const tokens = [];
  markdown.block.parse(source.replace(/\r\n?/g, "\n"), markdown, { references: {} }, tokens);
  const last = tokens.findLast((token) => token.level === 0 && token.map);
  const start = last?.map?.[0] ?? 0;
  const lines = source.match(/[^\n\r]*(?:\r\n|\n|\r)/g) ?? [];
  const isEmpty = /^[ \t]*[\n\r]+$/.test(lines[start - 1] ?? "");
  const before = lines.slice(0, start).join("");
  return isEmpty || (last?.type === "fence" && !FORMULA.test(before)) ? before.length : 0;
}
