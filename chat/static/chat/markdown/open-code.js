/**
 * Code between fences while it is being written. Until the line that ends it nothing in it means anything to Markdown, so
 * each line is looked at once: a file of a thousand lines costs what comes to it, not what is there.
 *
 * Only where the fence is at the left margin; within a list or a quotation code is drawn like any other last block.
 */
import { markdown } from "./parser.js";

/** @typedef {{html: string, code: string}} GrowingCode   `html`: of the block with nothing in it; `code`: so far */

const OPENING = /(`{3,})[^`\n\r]*(?:\n|\r\n|\r(?!$))|(~{3,})[^\n\r]*(?:\n|\r\n|\r(?!$))/y;
const LINE = /([^\n\r]*)(?:\n|\r\n|\r(?!$))/y;

export class OpenCode {
  /**
   * The code whose first line is at a place of the text where a block begins; null where another block does, or where
   * that line is not complete.
   *
   * @param {string} text
   * @param {number} from
   */
  static at(text, from) {
    OPENING.lastIndex = from;
    const found = OPENING.exec(text);
    return found && new OpenCode(found[0], found[1] ?? found[2] ?? "", from + found[0].length);
  }

  /**
   * @param {string} opening its first line
   * @param {string} fence its marks
   * @param {number} next where its second line begins
   */
  constructor(opening, fence, next) {
    this.next = next;
    this.closing = new RegExp(`^ {0,3}${fence}${fence[0]}*[ \\t]*$`);
    /** A last line that may become the one that ends it is held back. */
    this.undecided = new RegExp(`^ {0,3}${fence[0]}*[ \\t]*$`);
    this.lines = "";
    /** @type {GrowingCode} */
    this.shown = { html: markdown.render(opening, { references: {} }), code: "" };
  }

  /**
   * Take in what the text has now. `shown` is another object only where there is more to show.
   *
   * @param {string} text
   * @returns {number} where the line after the one that ends the code begins; -1 while that has not come
   */
  read(text) {
    for (;;) {
      LINE.lastIndex = this.next;
      const line = LINE.exec(text);
      if (!line) break;
      this.next += line[0].length;
      if (this.closing.test(line[1] ?? "")) return this.next;
      this.lines += `${readable(line[1] ?? "")}\n`;
    }
    const begun = text.slice(this.next).replace(/\r$/, "");
    const code = this.undecided.test(begun) ? this.lines : this.lines + readable(begun);
    if (code.length > this.shown.code.length) this.shown = { html: this.shown.html, code };
    return -1;
  }
}

/**
 * As the parser has it.
 *
 * @param {string} text
 */
function readable(text) {
  return text.replaceAll("\0", "\uFFFD");
}
