/** Mathematics, drawn by KaTeX, which is fetched with its style and fonts when the first formula is there. */
import { once } from "../once.js";

/** @typedef {{render: (source: string, element: HTMLElement, options: object) => void}} Katex */

/** What formulas look like is asked for again and again while the block around them grows. */
const drawn = new Map();
const KEPT = 300;
/** @type {Katex | null} */
let ready = null;

/**
 * @param {HTMLElement} code with the source
 * @param {string} style the address of KaTeX's style sheet
 */
export function drawFormula(code, style) {
  if (ready) return put(ready, code);
  load(style).then(
    (library) => code.isConnected && put(library, code),
    // It could not be fetched: the source stays.
    () => {},
  );
}

const load = once(async (/** @type {string} */ style) => {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = style;
  const styled = new Promise((resolve, reject) => {
    sheet.addEventListener("load", resolve);
    sheet.addEventListener("error", reject);
  });
  document.head.append(sheet);
  try {
    const [module] = await Promise.all([import("katex"), styled]);
    ready = /** @type {Katex} */ (/** @type {unknown} */ (module.default));
    return ready;
  } catch (error) {
    sheet.remove();
    throw error;
  }
});

/**
 * @param {Katex} library
 * @param {HTMLElement} code
 */
function put(library, code) {
  const source = code.textContent ?? "";
  const displayMode = code.classList.contains("math-display");
  const key = `${displayMode} ${source}`;
  if (!drawn.has(key)) {
    const box = document.createElement("span");
    box.className = displayMode ? "formula formula-display" : "formula";
    // It scrolls sideways, which keys can do only where there is focus.
    if (displayMode) box.tabIndex = 0;
    try {
      library.render(source, box, { displayMode, throwOnError: true, strict: "ignore", trust: false, maxExpand: 200, maxSize: 20 });
      drawn.set(key, box);
    } catch {
      // It is no mathematics that KaTeX knows: it is shown as it was written.
      drawn.set(key, null);
    }
    if (drawn.size > KEPT) drawn.delete(drawn.keys().next().value);
  }
  const box = drawn.get(key);
  if (box) code.replaceWith(box.cloneNode(true));
}
