/**
 * A Mermaid diagram. It is drawn in a frame of its own that may run scripts and nothing else: no cookies, no storage, no
 * network, not this page. All that it can say is how high the drawing is, or that there is none; then the source stays.
 */
import { t } from "../i18n.js";
import { copyButton } from "./code.js";
import { button } from "./dom.js";
import { isDark, onTheme } from "./theme.js";

/** Pixels: what a frame may ask for. */
const HIGHEST = 4000;

/**
 * @param {HTMLPreElement} pre with the source
 * @param {string} address of the page in the frame
 */
export function drawDiagram(pre, address) {
  const source = pre.textContent ?? "";
  const box = document.createElement("div");
  box.className = "code diagram";
  const head = document.createElement("div");
  head.className = "code-head";
  const label = document.createElement("span");
  label.className = "code-language";
  label.textContent = t("Diagram");
  const toggle = button(t("Source"), () => show(pre.hidden === true));
  toggle.hidden = true;
  head.append(label, toggle, copyButton(() => source));
  pre.replaceWith(box);
  pre.tabIndex = 0;
  box.append(head, pre);
  /** @type {HTMLIFrameElement | null} */
  let frame = null;

  /** @param {boolean} source */
  const show = (source) => {
    pre.hidden = !source;
    if (frame) frame.hidden = source;
    toggle.setAttribute("aria-pressed", String(source));
  };
  // Only what somebody looks at is drawn.
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    const made = document.createElement("iframe");
    made.setAttribute("sandbox", "allow-scripts");
    made.title = t("Diagram");
    made.className = "diagram-frame waiting";
    made.src = address;
    const draw = () => (made.isConnected ? made.contentWindow?.postMessage({ source, dark: isDark() }, "*") : leave());
    const leaveTheme = onTheme(draw);
    const leave = () => {
      leaveTheme();
      window.removeEventListener("message", listen);
    };
    /** @param {MessageEvent} event */
    const listen = (event) => {
      if (!made.isConnected) return leave();
      if (event.source !== made.contentWindow) return;
      const { ready, height, failed } = event.data ?? {};
      if (ready) draw();
      if (failed) {
        leave();
        made.remove();
        label.textContent = t("This diagram could not be drawn");
      }
      if (typeof height === "number" && height > 0) {
        frame = made;
        made.classList.remove("waiting");
        made.style.height = `${Math.min(Math.ceil(height), HIGHEST)}px`;
        if (toggle.hidden) show(false);
        toggle.hidden = false;
      }
    };
    window.addEventListener("message", listen);
    box.append(made);
  });
  observer.observe(box);
}
