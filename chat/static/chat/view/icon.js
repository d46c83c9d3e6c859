/** The icons: lines on a grid of 16, in the colour of the text around them. */
import { html } from "./html.js";

const SHAPES = {
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  send: "M8 13V3.5M4 7l4-4 4 4",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  pencil: "M3 13l.7-3L10.6 3a1.2 1.2 0 011.7 0l.7.7a1.2 1.2 0 010 1.7L6 12.3z",
  archive: "M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M6.5 9.5h3",
  unarchive: "M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M8 11.5v-3M6.5 9.7L8 8.2l1.5 1.5",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4",
  beside: "M2.5 3.5h11v9h-11zM8 3.5v9",
  down: "M8 3v9.5M4 9l4 4 4-4",
  chevron: "M6 3.5L10.5 8 6 12.5",
  back: "M10 3.5L5.5 8l4.500 4.5",
  retry: "M13 8a5 5 0 11-1.6-3.7M13 2.500v2.700h-2.700",
  alert: "M8 2.500l6 10.500H2zM8 6.500v3M8 11.300h.01",
  leave: "M6.500 3h-3.500v10h3.500M10 5l3 3-3 3M13 8H6.500",
};

/**
 * @param {keyof typeof SHAPES | "stop"} name
 */
export function icon(name) {
  const shape =
    name === "stop" ? html`<rect x="4" y="4" width="8" height="8" rx="1.5" fill="currentColor" />` : html`<path d=${SHAPES[name]} />`;
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${shape}</svg>`;
}
