/**
 * Markdown to HTML. markdown-it rather than marked: raw HTML can be switched off instead of filtered, it follows
 * CommonMark to the letter, it tells which lines a block spans (blocks.js needs that), and it ships one ES module file for
 * browsers that an import map can name. It is 28 KB larger compressed. What comes out still goes through sanitise.js.
 */
import MarkdownIt from "markdown-it/browser";
import { awaited } from "./awaited.js";
import { mathematics } from "./mathematics.js";
import { footnotes, tasks } from "./notes.js";

/** @typedef {import("markdown-it").Token} Token */

export const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false, breaks: false });
markdown.use(mathematics).use(footnotes).use(tasks).use(awaited);

/** Only these become links; another scheme stays as the text that was written. */
markdown.validateLink = (url) => /^(https?:|mailto:)/i.test(url);

markdown.core.ruler.push("page", (state) => {
  for (const token of state.tokens) {
    if (token.type === "th_open" || token.type === "td_open") alignByClass(token);
    if (token.type === "heading_open" || token.type === "heading_close") belowMessage(token);
    if (token.children) token.children = withoutImages(token.children, state.Token);
  }
});

/**
 * On the page a chat has a heading of level 2 and a message one of level 3, so those inside a message are of level 4,
 * whatever they call themselves: replies begin with any level. How large they look follows what was written.
 *
 * @param {Token} token
 */
function belowMessage(token) {
  if (token.nesting === 1) token.attrs = [["class", `level-${token.tag.slice(1)}`]];
  token.tag = "h4";
}

/**
 * A policy without inline styles allows no `style` attribute, so a column's alignment becomes a class.
 *
 * @param {Token} token
 */
function alignByClass(token) {
  const align = /text-align:(left|center|right)/.exec(String(token.attrGet("style") ?? ""))?.[1];
  token.attrs = align ? [["class", `align-${align}`]] : null;
}

/**
 * Images of a reply are never loaded, since asking for one tells its server who reads what: they become links, or words
 * where they are in a link already.
 *
 * @param {Token[]} tokens
 * @param {new (type: string, tag: string, nesting: -1 | 0 | 1) => Token} TokenClass
 * @returns {Token[]}
 */
function withoutImages(tokens, TokenClass) {
  let links = 0;
  return tokens.flatMap((token) => {
    if (token.type === "link_open") links += 1;
    if (token.type === "link_close") links -= 1;
    if (token.type !== "image") return [token];
    const words = new TokenClass("text", "", 0);
    words.content = `image: ${token.content || "without description"}`;
    if (links) return [words];
    const open = new TokenClass("link_open", "a", 1);
    open.attrs = [["href", String(token.attrGet("src") ?? "")]];
    return [open, words, new TokenClass("link_close", "a", -1)];
  });
}
