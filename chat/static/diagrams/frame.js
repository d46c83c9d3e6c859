/**
 * Inside a diagram's frame: draws what the page outside hands in, in its theme, and tells how high it became. Handed in
 * once more, it is drawn once more.
 */

/** @type {{initialize: (options: object) => void, render: (id: string, source: string) => Promise<{svg: string}>}} */
const mermaid = /** @type {any} */ (globalThis)["mermaid"];
const say = (/** @type {object} */ words) => window.parent.postMessage(words, "*");
const root = /** @type {HTMLElement} */ (document.getElementById("drawing"));
const measure = () => say({ height: root.getBoundingClientRect().height });
const watcher = new ResizeObserver(measure);
/** Mermaid draws one at a time. */
let drawing = Promise.resolve();

window.addEventListener("message", ({ source, data }) => {
  if (source === window.parent) drawing = drawing.then(() => draw(data)).catch(() => say({ failed: true }));
});

/** @param {{source: string, dark: boolean}} asked */
async function draw({ source, dark }) {
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "default", suppressErrorRendering: true });
  const { svg } = await mermaid.render("diagram", source);
  document.documentElement.className = dark ? "dark" : "";
  root.innerHTML = svg;
  const drawn = root.querySelector("svg");
  // Its own width, which Mermaid writes there. Much smaller, and nobody could read it: better to scroll.
  if (drawn) drawn.style.minWidth = `${0.7 * parseFloat(drawn.style.maxWidth) || 0}px`;
  // At once too, since a frame that is not seen yet gets no such news.
  measure();
  watcher.observe(root);
}

say({ ready: true });
