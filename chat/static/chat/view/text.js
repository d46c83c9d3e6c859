/** A reply's text, as Markdown. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { MarkdownBlocks } from "../markdown/blocks.js";
import { sanitise } from "../markdown/sanitise.js";
import { memo } from "./context.js";
import { html } from "./html.js";

/** @param {{text: string}} props */
export function Text({ text }) {
  const blocks = useRef(/** @type {MarkdownBlocks | null} */ (null));
  blocks.current ??= new MarkdownBlocks();
  return html`<div class="text">${blocks.current.update(text).map((source, index) => html`<${Block} key=${index} source=${source} />`)}</div>`;
}

/** A finished block has the same source each time, so it is parsed, cleaned and put into the document once. */
const Block = memo(
  /** @param {{source: string}} props */
  ({ source }) => {
    const root = useRef(/** @type {HTMLDivElement | null} */ (null));
    useLayoutEffect(() => root.current?.replaceChildren(sanitise(source)), [source]);
    return html`<div class="block" ref=${root}></div>`;
  },
);
