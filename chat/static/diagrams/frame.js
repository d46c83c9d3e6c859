/**
 * Inside a diagram's frame: draws what the page outside hands in, in its theme and colours, and tells how high it became.
 * Handed in once more, it is drawn once more.
 */

/** @type {{initialize: (options: object) => void, render: (id: string, source: string) => Promise<{svg: string}>}} */
const mermaid = /** @type {any} */ (globalThis)["mermaid"];
const say = (/** @type {object} */ words) => window.parent.postMessage(words, "*");
const root = /** @type {HTMLElement} */ (document.getElementById("drawing"));
const measure = () => say({ height: root.getBoundingClientRect().height });
const watcher = new ResizeObserver(() => {
  fit();
  measure();
});
/** Pixels: how wide the drawing would like to be. */
let natural = 0;
/** Mermaid draws one at a time. */
let drawing = Promise.resolve();

window.addEventListener("message", ({ source, data }) => {
  if (source === window.parent) drawing = drawing.then(() => draw(data)).catch(() => say({ failed: true }));
});

/** @param {{source: string, dark: boolean}} asked */
async function draw({ source, dark }) {
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    theme: "base",
    themeVariables: colours(dark),
    fontFamily: getComputedStyle(root).fontFamily,
    sequence: { diagramMarginX: 8 },
  });
  const { svg } = await mermaid.render("diagram", source);
  root.innerHTML = svg;
  trim();
  // Mermaid writes it there.
  natural = parseFloat(root.querySelector("svg")?.style.maxWidth ?? "") || 0;
  fit();
  // At once too, since a frame that is not seen yet gets no such news.
  measure();
  watcher.observe(root);
}

/** Some drawings have more room below them than above: no more than above is kept. */
function trim() {
  const drawn = root.querySelector("svg");
  if (!drawn) return;
  const { x, y, width, height } = drawn.viewBox.baseVal;
  const box = drawn.getBBox();
  const even = box.height + 2 * Math.max(0, box.y - y);
  if (even < height) drawn.setAttribute("viewBox", [x, y, width, even].join(" "));
}

/** Fits words of 16 pixels down to 12; where that is not enough, nobody would like to read them: better to scroll, at 14. */
function fit() {
  const drawn = root.querySelector("svg");
  if (drawn) drawn.style.minWidth = `${root.clientWidth < 0.75 * natural ? 0.85 * natural : 0}px`;
}

/**
 * The page's colours, as Mermaid understands them: it computes others from them.
 *
 * @param {boolean} dark
 */
function colours(dark) {
  const colour = (/** @type {string} */ name) => {
    root.style.color = `var(--${name})`;
    return getComputedStyle(root).color;
  };
  const found = {
    darkMode: dark,
    background: colour("code"),
    primaryColor: colour("accent-soft"),
    primaryBorderColor: colour("accent"),
    primaryTextColor: colour("ink"),
    secondaryColor: colour("paper-3"),
    tertiaryColor: colour("paper-2"),
    lineColor: colour("ink-2"),
    noteBkgColor: colour("warning-soft"),
    noteBorderColor: colour("warning"),
    noteTextColor: colour("ink"),
    dropShadow: "none",
  };
  root.style.color = "";
  return found;
}

say({ ready: true });
