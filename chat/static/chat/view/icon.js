/** The icons: lines on a grid of 16, in the colour of the text around them. */
import { html } from "./html.js";

const SHAPES = {
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  send: "M8 13V3.5M4 7l4-4 4 4",
  list: "M2.5 3.5h11v9h-11zM6 3.5v9",
  pencil: "M3 13l.7-3L10.6 3a1.2 1.2 0 011.7 0l.7.7a1.2 1.2 0 010 1.7L6 12.3z",
  rename: "M6.5 4.5h-4v7h4M11.5 4.5h2v7h-2M9 3v10M7.5 2.5Q9 2.5 9 4 9 2.5 10.5 2.5M7.5 13.5Q9 13.5 9 12 9 13.5 10.5 13.5",
  archive: "M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M6.5 9.5h3",
  unarchive: "M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M8 11.5v-3M6.5 9.7L8 8.2l1.5 1.5",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4",
  beside: "M2.5 3.5h11v9h-11zM8 3.5v9",
  panes: "M2.5 5.5h8v8h-8zM5.5 5.5v-3h8v8h-3",
  down: "M8 3v9.5M4 9l4 4 4-4",
  chevron: "M6 3.5L10.5 8 6 12.5",
  back: "M10 3.5L5.5 8l4.5 4.5",
  alert: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.3h.01",
  chat: "M2.5 3.5h11v7.5H7.5L4.5 13.5V11h-2z",
  copy: "M6 6h7v7.5H6zM3 10V2.5h7",
  check: "M3 8.5l3.5 3.5L13 4.5",
  retry: "M13 8a5 5 0 11-1.5-3.5L13 6M13 2.5V6H9.5",
  goOn: "M4.5 3.5v9L12.5 8z",
  quote: "M3 11V8.5A4 4 0 016.5 4.5M9 11V8.5a4 4 0 013.5-4M3 8.5h3V11H3zM9 8.5h3V11H9z",
  info: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM8 7.3v3.4M8 5.2h.01",
  pin: "M5.5 2.5h5M6 2.5l-.3 4.3L4 9.5h8l-1.7-2.7L10 2.5M8 9.5v4",
  save: "M8 2.5v7M5 6.8l3 3 3-3M3 12.5h10",
  search: "M7 2.8a4.2 4.2 0 100 8.4 4.2 4.2 0 000-8.4zM10.2 10.2l3.3 3.3",
  keyboard: "M2 4.5h12v7.5H2zM4.5 7h.01M7 7h.01M9.5 7h.01M11.7 7h.01M5 9.7h6",
  contrast: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM8 2.5v11M8 5.3h4.5M8 8h5.4M8 10.7h4.5",
  globe: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM2.5 8h11M8 2.5c-3.2 3.5-3.2 7.5 0 11 3.2-3.5 3.2-7.5 0-11",
  leave: "M6.5 3h-3.5v10h3.5M10 5l3 3-3 3M13 8H6.5",
};

/** These are filled. */
const SOLID = {
  stop: "M5.5 4h5A1.5 1.5 0 0112 5.5v5A1.5 1.5 0 0110.5 12h-5A1.5 1.5 0 014 10.5v-5A1.5 1.5 0 015.5 4z",
  more: [2, 6.7, 11.4].map((left) => `M${left} 8a1.3 1.3 0 112.6 0 1.3 1.3 0 01-2.6 0z`).join(""),
};

/** These point along the line, so they turn where lines run from the right. */
const TURNING = new Set(["back", "goOn", "leave", "list"]);

/** @param {keyof typeof SHAPES | keyof typeof SOLID} name */
export function icon(name) {
  const solid = name in SOLID;
  return html`
    <svg class=${`icon${solid ? " solid" : ""}${TURNING.has(name) ? " turns" : ""}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d=${{ ...SHAPES, ...SOLID }[name]} />
    </svg>
  `;
}

/** The mark of the page, as in icon.svg: lines of talk, one of them live. */
export function logo() {
  return html`
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M8 10h11M8 16h16M8 22h7" />
      <circle cx="24" cy="10" r="2.5" />
    </svg>
  `;
}
