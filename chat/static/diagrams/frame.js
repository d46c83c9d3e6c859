/** Inside a diagram's frame: draws what the page outside hands in, and tells how high it became. */

/** @type {{initialize: (options: object) => void, render: (id: string, source: string) => Promise<{svg: string}>}} */
const mermaid = /** @type {any} */ (globalThis)["mermaid"];
const say = (/** @type {object} */ words) => window.parent.postMessage(words, "*");
let asked = false;

window.addEventListener("message", async (event) => {
  if (event.source !== window.parent || asked) return;
  asked = true;
  const { source, dark } = event.data;
  try {
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "default", suppressErrorRendering: true });
    document.documentElement.className = dark ? "dark" : "";
    const root = /** @type {HTMLElement} */ (document.getElementById("drawing"));
    root.innerHTML = (await mermaid.render("diagram", source)).svg;
    const svg = root.querySelector("svg");
    // Its own width, which Mermaid writes there. Much smaller, and nobody could read it: better to scroll.
    if (svg) svg.style.minWidth = `${0.7 * parseFloat(svg.style.maxWidth) || 0}px`;
    const measure = () => say({ height: root.getBoundingClientRect().height });
    // At once too, since a frame that is not seen yet gets no such news.
    measure();
    new ResizeObserver(measure).observe(root);
  } catch {
    say({ failed: true });
  }
});
say({ ready: true });
