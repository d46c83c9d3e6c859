/** A reply's text, as Markdown. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { MarkdownBlocks } from "../markdown/blocks.js";
import { sanitise } from "../markdown/sanitise.js";
import { writeOn } from "./code.js";
import { memo, useApp } from "./context.js";
import { dress } from "./dress.js";
import { html } from "./html.js";
import { selectionFrom } from "./selection.js";

/**
 * @typedef {{href: string, from: HTMLElement}} Asked
 * @typedef {string | import("../markdown/open-code.js").GrowingCode} Source   HTML, or code that is being written
 */

/** Blocks in a group. The browser passes over whole groups that nobody sees, and drawing one again passes over the others. */
const GROUP = 24;

/** @param {{text: string, live: boolean}} props `live`: more is coming */
export function Text({ text, live }) {
  const blocks = useRef(/** @type {MarkdownBlocks | null} */ (null));
  blocks.current ??= new MarkdownBlocks();
  const groups = useRef(/** @type {Source[][]} */ ([]));
  const [asked, ask] = useState(/** @type {Asked | null} */ (null));
  const root = useRef(/** @type {HTMLDivElement | null} */ (null));
  // From the last group on, since the end of its last block may become a block of its own; those before it are finished.
  const last = root.current?.children[groups.current.length - 1];
  const selectAgain = last && selectionFrom(last);
  useLayoutEffect(() => selectAgain?.());
  groups.current = grouped(blocks.current.update(text, live), groups.current);
  const end = groups.current.length - 1;
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
      ${groups.current.map((sources, index) => html`<${Blocks} key=${index} sources=${sources} grows=${live && index === end} />`)}
      ${asked && html`<${Address} key=${asked.href} asked=${asked} onClose=${() => ask(null)} />`}
    </div>
  `;
}

/**
 * Blocks in groups. A group of the same blocks as before is the same array.
 *
 * @param {Source[]} sources
 * @param {Source[][]} before
 */
function grouped(sources, before) {
  /** @type {Source[][]} */
  const groups = [];
  for (let start = 0; start < sources.length; start += GROUP) {
    const group = sources.slice(start, start + GROUP);
    const known = before[groups.length];
    groups.push(known?.length === group.length && known.every((source, index) => source === group[index]) ? known : group);
  }
  return groups;
}

const Blocks = memo(
  /** @param {{sources: Source[], grows: boolean}} props `grows`: the last one is still being written */
  ({ sources, grows }) => {
    const [settled, settle] = useState(false);
    // A frame later, when it has been laid out as it stays: so the browser knows its size where it passes over it.
    useEffect(() => {
      if (grows) return;
      const frame = requestAnimationFrame(() => settle(true));
      return () => cancelAnimationFrame(frame);
    }, [grows]);
    return html`
      <div class=${settled ? "blocks settled" : "blocks"}>
        ${sources.map((source, index) => html`<${Block} key=${index} source=${source} whole=${!grows || index < sources.length - 1} />`)}
      </div>
    `;
  },
);

/** A finished block has the same source each time, so it is parsed, cleaned and put into the document once. */
const Block = memo(
  /** @param {{source: Source, whole: boolean}} props */
  ({ source, whole }) => {
    const { config } = useApp();
    const root = useRef(/** @type {HTMLDivElement | null} */ (null));
    const drawn = useRef(/** @type {Source} */ (""));
    useLayoutEffect(() => {
      if (!root.current) return;
      const before = drawn.current;
      drawn.current = source;
      if (typeof source === "string") {
        // Code may have been scrolled sideways while it was written.
        const aside = root.current.querySelector("pre")?.scrollLeft;
        root.current.replaceChildren(sanitise(source));
        dress(root.current, whole, config.urls);
        if (aside) root.current.querySelector("pre")?.scrollTo({ left: aside, behavior: "instant" });
        return;
      }
      const goesOn = typeof before !== "string" && before.html === source.html && source.code.startsWith(before.code);
      if (!goesOn) {
        root.current.replaceChildren(sanitise(source.html));
        dress(root.current, whole, config.urls);
      }
      const code = root.current.querySelector("pre > code");
      if (code) writeOn(code, source.code.slice(goesOn ? before.code.length : 0));
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
