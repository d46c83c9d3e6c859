/** A block of code: its language, a button that copies it and one that wraps its lines, and colours once it is whole. */
import { copy } from "../browser.js";
import { t } from "../i18n.js";
import { highlight } from "../markdown/highlight.js";
import { sanitise } from "../markdown/sanitise.js";
import { button } from "./dom.js";
import { selectionFrom } from "./selection.js";

/** Milliseconds for which a button says that it has copied. */
const SAID_FOR = 2_000;
/** Characters after which code that is being written goes on in another piece: the browser lays out a changed one anew. */
const PIECE = 1_000;

/**
 * Give a block its head; where it is whole, also its buttons and colours.
 *
 * @param {HTMLPreElement} pre
 * @param {boolean} whole
 */
export function dressCode(pre, whole) {
  const code = pre.querySelector("code");
  if (!code) return;
  const language = languageOf(code);
  const box = document.createElement("div");
  box.className = "code";
  const head = document.createElement("div");
  head.className = "code-head";
  const label = document.createElement("span");
  label.className = "code-language";
  label.textContent = language || t("text");
  head.append(label);
  pre.replaceWith(box);
  box.append(head, pre);
  if (!whole) return;
  // It scrolls sideways, which keys can do only where there is focus.
  pre.tabIndex = 0;
  pre.setAttribute("role", "group");
  pre.setAttribute("aria-label", language ? t("Code in {language}", { language }) : t("Code"));
  const wrap = button(t("Wrap"), () => wrap.setAttribute("aria-pressed", String(box.classList.toggle("wrapped"))));
  wrap.setAttribute("aria-pressed", "false");
  head.append(wrap, copyButton(() => code.textContent ?? ""));
  void colour(code, language);
}

/**
 * Add to code that is being written. What is there stays: its place when it is scrolled sideways, and what is selected.
 *
 * @param {Element} code
 * @param {string} more
 */
export function writeOn(code, more) {
  for (let rest = more; rest; ) {
    const last = code.lastElementChild?.firstChild;
    const piece = last instanceof Text && !isFull(last) ? last : newPiece(code);
    const end = rest.indexOf("\n", Math.max(PIECE - piece.length, 0)) + 1 || rest.length;
    piece.appendData(rest.slice(0, end));
    rest = rest.slice(end);
  }
}

/**
 * Each piece is a block, so it ends where a line does.
 *
 * @param {Text} piece
 */
function isFull(piece) {
  return piece.length >= PIECE && piece.data.endsWith("\n");
}

/** @param {Element} code */
function newPiece(code) {
  code.parentElement?.querySelector(".caret")?.classList.remove("caret");
  const piece = document.createElement("span");
  piece.className = "code-piece caret";
  const text = document.createTextNode("");
  piece.append(text);
  code.append(piece);
  return text;
}

/** @param {Element} code */
export function languageOf(code) {
  return /language-(\S+)/.exec(code.className)?.[1] ?? "";
}

/** @param {() => string} text */
export function copyButton(text) {
  const made = button(t("Copy"), async () => {
    made.textContent = (await copy(text())) ? t("Copied") : t("Copying is not allowed here");
    setTimeout(() => (made.textContent = t("Copy")), SAID_FOR);
  });
  made.setAttribute("aria-live", "polite");
  return made;
}

/**
 * @param {Element} code
 * @param {string} language
 */
async function colour(code, language) {
  try {
    const html = await highlight(code.textContent ?? "", language);
    if (html === null || !code.isConnected) return;
    const selectAgain = selectionFrom(code);
    code.replaceChildren(sanitise(html));
    selectAgain();
  } catch {
    // The highlighter could not be fetched: the code is there, without colours.
  }
}
