/** What a block of Markdown gets beside its text once it is in the document: heads of code, formulas, diagrams, notes. */
import { t } from "../i18n.js";
import { dressCode, languageOf } from "./code.js";
import { drawDiagram } from "./diagram.js";
import { drawFormula } from "./formula.js";

/**
 * @param {HTMLElement} root
 * @param {boolean} whole no more comes to it
 * @param {{formulas: string, diagrams: string}} addresses where KaTeX's style and the diagrams' frame are
 */
export function dress(root, whole, addresses) {
  for (const pre of root.querySelectorAll("pre")) {
    const code = pre.querySelector("code");
    if (whole && code && languageOf(code) === "mermaid") drawDiagram(pre, addresses.diagrams);
    else dressCode(pre, whole);
  }
  for (const formula of root.querySelectorAll("code.math")) {
    drawFormula(/** @type {HTMLElement} */ (formula), addresses.formulas);
  }
  if (!whole) {
    growsAt(root)?.classList.add("caret");
    return;
  }
  for (const mark of root.querySelectorAll("sup.footnote-ref")) linkNote(mark);
  for (const table of root.querySelectorAll("table")) table.tabIndex = 0;
}

/**
 * The element that the next word will come into; none where that is a table or a formula.
 *
 * @param {Element} element
 * @returns {Element | null}
 */
function growsAt(element) {
  if (element.matches("p, h4, pre > code")) return element;
  const last = element.lastElementChild;
  if (last?.matches("p, h4, div, pre, pre > code, blockquote, ul, ol, li")) return growsAt(last);
  return element.matches("li") ? element : null;
}

/** @param {Element} mark */
function linkNote(mark) {
  const label = mark.textContent ?? "";
  const link = document.createElement("button");
  link.type = "button";
  link.className = "link";
  link.textContent = label;
  link.setAttribute("aria-label", t("Footnote {label}", { label }));
  link.addEventListener("click", () => {
    const notes = mark.closest(".text")?.querySelectorAll(".footnote-label") ?? [];
    const note = [...notes].find((one) => one.textContent === label)?.parentElement;
    if (!note) return;
    note.tabIndex = -1;
    note.focus();
    note.scrollIntoView({ block: "nearest" });
  });
  mark.replaceChildren(link);
}
