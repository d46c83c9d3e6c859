/** The icons: lines in the colour of the text around them. */
import { html } from "./html.js";

/** What each is called in Lucide, whose shapes are in the page (chat/web/icons.py). */
const LUCIDE = {
  alert: "triangle-alert",
  archive: "archive",
  back: "chevron-left",
  beside: "square-split-horizontal",
  chat: "message-square",
  chevron: "chevron-right",
  close: "x",
  copy: "copy",
  down: "arrow-down",
  edit: "square-pen",
  globe: "globe",
  goOn: "play",
  info: "info",
  keyboard: "keyboard",
  leave: "log-out",
  list: "panel-left",
  menu: "menu",
  more: "ellipsis",
  offline: "wifi-off",
  panes: "layers",
  pin: "pin",
  plus: "plus",
  quote: "quote",
  rename: "pencil",
  retry: "rotate-cw",
  save: "download",
  search: "search",
  send: "arrow-up",
  stop: "square",
  theme: "sun-moon",
  trash: "trash",
  unarchive: "archive-restore",
  unpin: "pin-off",
};

/** These point along the line, so they turn where lines run from the right. */
const TURNING = new Set(["back", "goOn", "leave", "list"]);

/** @param {keyof typeof LUCIDE} name */
export function icon(name) {
  return html`
    <svg class=${TURNING.has(name) ? "icon turns" : "icon"} aria-hidden="true" focusable="false">
      <use href=${`#lucide-${LUCIDE[name]}`} />
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
