/**
 * The last block of a text that is still being written, such that nothing of it is seen as raw Markdown: what was begun is
 * closed, what may still become something else is held back. Only while a reply streams; its end is drawn as it is.
 */
import { inlineMath } from "./mathematics.js";
import { markdown } from "./parser.js";

/** Characters of an unfinished formula after which it is taken for plain text, and shown. */
const LONGEST_FORMULA = 200;
/** A line of which it cannot yet be said what it will be: markers alone, a half-written box, a number. */
const UNDECIDED = /^[ \t]*(?:[\s>#*+\-=_|:`~$\\[\]!(]*|(?:[\s>]*(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:\d{1,9}[.)]?|\[[ xX]?\]?[ \t]*))$/;
const MARKERS = /^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])|#{1,6}(?=[ \t])|\[\^[^\]\s]+\]:))*[ \t]*(?:\[[ xX]\][ \t])?/;
const STARTS_BLOCK = /^(?:[-*+][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|\||\[\^)/;

/**
 * @param {string} source the text from the beginning of its last block
 * @returns {string}
 */
export function mend(source) {
  const text = source.replace(/\r\n?/g, "\n");
  const cut = text.lastIndexOf("\n") + 1;
  const before = text.slice(0, cut);
  const line = text.slice(cut);
  const { type, fence } = lastLeaf(text);
  if (fence) {
    if (fence.opening === line) return before;
    const closing = line.trim();
    return closing && fence.markup.startsWith(closing) ? before : text;
  }
  if (type !== "inline") return UNDECIDED.test(line) && type !== "code_block" && type !== "math_block" ? before : text;
  const math = openMath(text);
  if (math >= 0) return text.slice(0, math);
  if (UNDECIDED.test(line)) return mendTable(before, "") ?? (/\S[ \t]*\n$/.test(before) ? mendInline(before.trimEnd()) : before);
  if (/^[ \t>]*(?:`{3}|~{3}|\[[^\]^][^\]]*(?:\]:.*|\]?)$)/.test(line)) return before;
  return mendTable(before, line) ?? mendInline(text);
}

/**
 * What the text ends in; of a fence that has no end yet, its marks, and its first line where there is no other.
 *
 * @param {string} text
 * @returns {{type: string, fence?: {markup: string, opening: string | null}}}
 */
function lastLeaf(text) {
  /** @type {import("markdown-it").Token[]} */
  const tokens = [];
  markdown.block.parse(text, markdown, { references: {} }, tokens);
  const last = tokens.findLast((token) => token.map && token.nesting === 0);
  if (last?.type !== "fence" || !last.map) return { type: last?.type ?? "inline" };
  const lines = text.split("\n");
  const ending = (lines[last.map[1] - 1] ?? "").replace(/^[ \t>]*/, "").trim();
  const closed = last.map[1] - last.map[0] > 1 && ending.startsWith(last.markup) && /^(`+|~+)$/.test(ending);
  if (closed || lines.length > last.map[1] + 1) return { type: "fence" };
  const opening = lines.length - 1 === last.map[0] ? (lines[last.map[0]] ?? "") : null;
  return { type: "fence", fence: { markup: last.markup, opening } };
}

/**
 * Where a formula on lines of its own begins that has no end yet, or -1.
 *
 * @param {string} text
 */
function openMath(text) {
  const paragraph = Math.max(text.lastIndexOf("\n\n") + 2, 0);
  for (const found of text.slice(paragraph === 1 ? 0 : paragraph).matchAll(/^[ \t>]*(\$\$|\\\[)/gm)) {
    const at = (paragraph === 1 ? 0 : paragraph) + found.index;
    if (!text.slice(at + found[0].length).includes(found[1] === "$$" ? "$$" : "\\]")) return at;
  }
  return -1;
}

/**
 * A table whose second line is not there yet gets one, since without it the first would be words and bars.
 *
 * @param {string} before the complete lines
 * @param {string} line
 * @returns {string | null} null where it is no table that begins
 */
function mendTable(before, line) {
  const lines = [...before.split("\n").slice(0, -1), ...(line ? [line] : [])];
  const start = lines.findLastIndex((one) => !one.trim()) + 1;
  const head = lines[start];
  if (!head || !/^[ \t]*\|.*[^\s|]/.test(head) || lines.length - start > 1) return null;
  const columns = head.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/).length;
  const mended = line ? mendInline(head.trimEnd()) : head;
  return [...lines.slice(0, start), mended, `|${"---|".repeat(columns)}`].join("\n");
}

/**
 * @param {string} text
 * @returns {string}
 */
function mendInline(text) {
  const lines = text.split("\n");
  let first = lines.length - 1;
  const words = (/** @type {number} */ index) => (lines[index] ?? "").replace(/^[ \t>]+/, "");
  while (first > 0 && words(first - 1) && !STARTS_BLOCK.test(words(first))) first -= 1;
  const line = lines[first] ?? "";
  const start = lines.slice(0, first).join("\n").length + (first ? 1 : 0);
  // A cell of a table is a text of its own.
  const bars = /^[ \t]*\|/.test(line) ? text.lastIndexOf("|") + 1 : 0;
  const from = Math.max(bars, start + (MARKERS.exec(line)?.[0].length ?? 0));
  return text.slice(0, from) + closeInline(text.slice(from));
}

/**
 * One run of inline text with what is open in it closed.
 *
 * @param {string} text
 * @returns {string}
 */
export function closeInline(text) {
  /** @type {{mark: string, at: number}[]} */
  const open = [];
  /** @type {[number, number][]} what is left out */
  const holes = [];
  /** @type {number[]} */
  const brackets = [];
  let end = text.length;
  let tail = "";
  let at = 0;
  /** @param {number} index */
  const stop = (index) => (end = at = index);
  while (at < end) {
    const mark = text[at] ?? "";
    const run = /^(`+|\*+|_+|~+)/.exec(text.slice(at))?.[0] ?? "";
    const math = inlineMath(text, at);
    if (math) at += math.length;
    else if (mark === "\\") {
      if (text[at + 1] === "(" || text[at + 1] === "[" || at + 1 === end) stop(at);
      else at += 2;
    } else if (/^\$\$?$/.test(text.slice(at, at + 3))) stop(at);
    else if (mark === "$" && /^\$\$?[A-Za-z\\{(|]/.test(text.slice(at)) && end - at < LONGEST_FORMULA) stop(at);
    else if (mark === "`") {
      const close = new RegExp(`(?<!\`)\`{${run.length}}(?!\`)`).exec(text.slice(at + run.length));
      if (close) at += run.length + close.index + run.length;
      else if (at + run.length === end) stop(at);
      else {
        end = at + run.length + text.slice(at + run.length).replace(/`+$/, "").trimEnd().length;
        if (end <= at + run.length) stop(at);
        else tail = text[end - 1] === "`" ? ` ${run}` : run;
        break;
      }
    } else if (mark === "[") {
      const note = /^\[\^[^\]\s]*(\]|$)/.exec(text.slice(at));
      if (note && !note[1]) stop(at);
      else if (note) at += note[0].length;
      else brackets.push(at++);
    } else if (mark === "!" && text[at + 1] === "[") {
      const words = text.indexOf("](", at);
      const over = words < 0 ? -1 : closingParen(text, words + 1);
      if (over < 0 && !/\](?!\()./.test(text.slice(at))) stop(at);
      else at = Math.max(over, at) + 1;
    } else if (mark === "]" && brackets.length) {
      const opening = brackets.pop() ?? 0;
      const next = text[at + 1];
      const over = next === "(" ? closingParen(text, at + 1) : next === "[" ? text.indexOf("]", at + 2) : at + 1 === end ? -1 : at;
      if (over < 0) {
        holes.push(bracketAt(text, opening));
        stop(at);
      } else at = over + 1;
    } else if (run) {
      // At the end it may be half of what it will be, and what is open gets closed anyway.
      if (at + run.length === end) stop(at);
      else {
        take(open, text, at, run);
        at += run.length;
      }
    } else if (mark === "<" && /^<(?:[a-z][a-z\d+.-]{0,30}(?::[^\s<>]*)?)?$/i.test(text.slice(at))) stop(at);
    else if (mark === "&" && /^&#?\w{0,12}$/.test(text.slice(at))) stop(at);
    else if (mark === "!" && at + 1 === end) stop(at);
    else at += 1;
  }
  for (const opening of brackets) holes.push(bracketAt(text, opening));
  let kept = text.slice(0, end);
  for (const [from, to] of holes.sort((a, b) => b[0] - a[0])) kept = kept.slice(0, from) + kept.slice(to);
  const marks = open.map(({ mark }) => mark).reverse().join("");
  if (!marks) return kept + tail;
  // Begun with nothing in it yet.
  const body = (kept + tail).trimEnd();
  const empty = /(?:\*+|_+|~+)$/.exec(body)?.[0];
  return empty && !tail ? closeInline(body.slice(0, -empty.length)) : body + marks;
}

/**
 * Keeps account of what emphasis is open after a run of marks.
 *
 * @param {{mark: string, at: number}[]} open
 * @param {string} text
 * @param {number} at
 * @param {string} run
 */
function take(open, text, at, run) {
  const [before, after] = [text[at - 1] ?? " ", text[at + run.length] ?? " "];
  if (run[0] === "~" && run.length !== 2) return;
  const wordy = run[0] === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
  if (wordy) return;
  let left = run;
  if (!/\s/.test(before)) {
    while (left && open.at(-1)?.mark[0] === run[0]) {
      const last = /** @type {{mark: string, at: number}} */ (open.at(-1));
      const used = Math.min(left.length, last.mark.length);
      left = left.slice(used);
      last.mark = last.mark.slice(used);
      if (!last.mark) open.pop();
    }
  }
  if (left === run && !/\s/.test(after)) open.push({ mark: left.slice(0, 3), at });
}

/**
 * @param {string} text
 * @param {number} at of the opening bracket
 * @returns {[number, number]} it and an image's mark before it
 */
function bracketAt(text, at) {
  return [text[at - 1] === "!" ? at - 1 : at, at + 1];
}

/**
 * @param {string} text
 * @param {number} from
 */
function closingParen(text, from) {
  let depth = 0;
  for (let at = from; at < text.length; at += text[at] === "\\" ? 2 : 1) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")" && --depth === 0) return at;
  }
  return -1;
}
