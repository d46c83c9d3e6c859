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
  if (!whole) return;
  for (const mark of root.querySelectorAll("sup.footnote-ref")) linkNote(mark);
  for (const table of root.querySelectorAll("table")) table.tabIndex = 0;
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
