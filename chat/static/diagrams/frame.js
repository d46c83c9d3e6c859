/** Inside a diagram's frame: draws what the page outside hands in, and tells how high it became. */
/* global mermaid */
const say = (/** @type {object} */ words) => window.parent.postMessage(words, "*");
let drawn = false;

window.addEventListener("message", async (event) => {
  if (event.source !== window.parent || drawn) return;
  drawn = true;
  const { source, dark } = event.data;
  try {
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "default", suppressErrorRendering: true });
    document.documentElement.className = dark ? "dark" : "";
    const { svg } = await mermaid.render("diagram", source);
    const root = document.getElementById("drawing");
    root.innerHTML = svg;
    new ResizeObserver(() => say({ height: root.getBoundingClientRect().height })).observe(root);
  } catch {
    say({ failed: true });
  }
});
say({ ready: true });
