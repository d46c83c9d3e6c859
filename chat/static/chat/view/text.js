/** A reply's text, as Markdown. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { MarkdownBlocks } from "../markdown/blocks.js";
import { sanitise } from "../markdown/sanitise.js";
import { memo, useApp } from "./context.js";
import { dress } from "./dress.js";
import { html } from "./html.js";
import { selectionFrom } from "./selection.js";

/** @typedef {{href: string, from: HTMLElement}} Asked */

/** @param {{text: string, live: boolean}} props `live`: more is coming */
export function Text({ text, live }) {
  const blocks = useRef(/** @type {MarkdownBlocks | null} */ (null));
  blocks.current ??= new MarkdownBlocks();
  const [asked, ask] = useState(/** @type {Asked | null} */ (null));
  const sources = blocks.current.update(text, live);
  const root = useRef(/** @type {HTMLDivElement | null} */ (null));
  // From the last block on, since its end may become a block of its own; those before it are finished.
  const last = root.current?.querySelector(":scope > .block:nth-last-child(1 of .block)");
  const selectAgain = last && selectionFrom(last);
  useLayoutEffect(() => selectAgain?.());
  return html`
    <div
      class="text"
      ref=${root}
      onClick=${(/** @type {MouseEvent} */ event) => {
        const link = event.target instanceof Element ? event.target.closest("a") : null;
        if (!link || link.classList.contains("link-open")) return;
        // Where it leads is said before it is opened; a link that shows its address has said it.
        if (link.textContent === link.href || `${link.textContent}/` === link.href) return;
        event.preventDefault();
        ask({ href: link.href, from: link });
      }}
    >
      ${sources.map((source, index) => html`<${Block} key=${index} source=${source} whole=${!live || index < sources.length - 1} />`)}
      ${asked && html`<${Address} key=${asked.href} asked=${asked} onClose=${() => ask(null)} />`}
    </div>
  `;
}

/** A finished block has the same source each time, so it is parsed, cleaned and put into the document once. */
const Block = memo(
  /** @param {{source: string, whole: boolean}} props */
  ({ source, whole }) => {
    const { config } = useApp();
    const root = useRef(/** @type {HTMLDivElement | null} */ (null));
    useLayoutEffect(() => {
      if (!root.current) return;
      root.current.replaceChildren(sanitise(source));
      dress(root.current, whole, config.urls);
    }, [source, whole]);
    return html`<div class=${whole ? "block" : "block growing"} dir="auto" ref=${root}></div>`;
  },
);

/** @param {{asked: Asked, onClose: () => void}} props */
function Address({ asked, onClose }) {
  const open = useRef(/** @type {HTMLAnchorElement | null} */ (null));
  useEffect(() => open.current?.focus(), []);
  const close = () => {
    onClose();
    asked.from.focus();
  };
  return html`
    <div
      class="link-card"
      role="group"
      aria-label=${t("Where this link leads")}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <p class="link-address" dir="ltr">${asked.href}</p>
      <a class="button link-open" ref=${open} href=${asked.href} target="_blank" rel="noopener noreferrer" onClick=${onClose}>${t("Open in a new tab")}</a>
      <button type="button" class="button" onClick=${close}>${t("Not now")}</button>
    </div>
  `;
}
