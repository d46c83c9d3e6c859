/**
 * Mathematics in Markdown: `$…$` and `\(…\)` within a line, `$$…$$` and `\[…\]` on lines of their own. It comes out as
 * `<code class="math">` with the source as it was written, which view/mathematics.js draws once it is on the page.
 *
 * @typedef {import("markdown-it").MarkdownIt} MarkdownIt
 */

const DISPLAY = { "$$": "$$", "\\[": "\\]" };

/** @param {MarkdownIt} markdown */
export function mathematics(markdown) {
  markdown.inline.ruler.before("escape", "math", (state, silent) => {
    const found = inlineMath(state.src, state.pos, state.posMax);
    if (!found) return false;
    if (!silent) Object.assign(state.push("math", "code", 0), found);
    state.pos += found.length;
    return true;
  });
  markdown.block.ruler.before("fence", "math_block", blockMath, { alt: ["paragraph", "reference", "blockquote", "list"] });
  const draw = (/** @type {import("markdown-it").Token[]} */ tokens, /** @type {number} */ index) => {
    const { content, markup } = /** @type {import("markdown-it").Token} */ (tokens[index]);
    const display = markup in DISPLAY;
    const code = `<code class="math${display ? " math-display" : ""}">${markdown.utils.escapeHtml(content)}</code>`;
    return tokens[index]?.type === "math_block" ? `<p>${code}</p>\n` : code;
  };
  markdown.renderer.rules.math = draw;
  markdown.renderer.rules.math_block = draw;
}

/**
 * A formula at one place of a text. A single dollar counts only where it hugs what is in it and no digit follows the
 * second one, so that prices stay prices.
 *
 * @param {string} text
 * @param {number} from
 * @param {number} [end]
 */
export function inlineMath(text, from, end = text.length) {
  const markup = /^(?:\$\$?|\\[([])/.exec(text.slice(from, Math.min(from + 2, end)))?.[0];
  if (!markup) return null;
  const closing = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" }[markup] ?? "";
  let at = from + markup.length;
  for (; at < end && !text.startsWith(closing, at); at += text[at] === "\\" ? 2 : 1);
  if (at + closing.length > end) return null;
  const content = text.slice(from + markup.length, at);
  if (!content.trim()) return null;
  if (markup === "$" && (/^\s|\s$/.test(content) || /\d/.test(text[at + 1] ?? ""))) return null;
  return { content: content.trim(), markup, length: at + closing.length - from };
}

/**
 * @param {import("markdown-it").StateBlock} state
 * @param {number} startLine
 * @param {number} endLine
 * @param {boolean} silent
 */
function blockMath(state, startLine, endLine, silent) {
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const first = lineOf(state, startLine);
  const opening = first.slice(0, 2);
  const closing = DISPLAY[/** @type {keyof typeof DISPLAY} */ (opening)];
  if (!closing) return false;
  const lines = [];
  for (let line = startLine; line < endLine; line += 1) {
    // No formula reaches over an empty line: so a finished block is never part of a later one.
    if (line > startLine && (state.isEmpty(line) || (state.sCount[line] ?? 0) < state.blkIndent)) return false;
    const text = line === startLine ? first.slice(2) : lineOf(state, line);
    const end = text.indexOf(closing);
    if (end < 0) {
      lines.push(text);
      continue;
    }
    // More words on the line: a formula within a paragraph.
    if (text.slice(end + 2).trim()) return false;
    lines.push(text.slice(0, end));
    const content = lines.join("\n").trim();
    if (!content) return false;
    if (silent) return true;
    const token = state.push("math_block", "code", 0);
    Object.assign(token, { content, markup: opening, map: [startLine, line + 1], block: true });
    state.line = line + 1;
    return true;
  }
  return false;
}

/**
 * @param {import("markdown-it").StateBlock} state
 * @param {number} line
 */
function lineOf(state, line) {
  return state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]);
}
