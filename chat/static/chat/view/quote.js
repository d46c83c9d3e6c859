/** Text of a chat that is selected can be quoted into its composer. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { useApp } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";

/** Pixels between the selection and the button. */
const GAP = 8;
const HEIGHT = 36;

/**
 * @param {{id: string, area: {current: HTMLElement | null}}} props `area`: what the button lies over
 */
export function Quote({ id, area }) {
  const { app } = useApp();
  const [place, setPlace] = useState(/** @type {{top: number, left: number} | null} */ (null));
  useEffect(() => {
    const look = () => {
      const text = selectedIn(area.current);
      if (text) app.selected = { chat: id, text };
      else if (app.selected?.chat === id && document.activeElement?.closest("dialog") === null) app.selected = null;
      setPlace(text ? placeOf(area.current) : null);
    };
    document.addEventListener("selectionchange", look);
    return () => document.removeEventListener("selectionchange", look);
  }, [id]);
  if (!place) return null;
  return html`
    <button
      type="button"
      class="quote"
      style=${{ top: `${place.top}px`, left: `${place.left}px` }}
      onPointerDown=${(/** @type {Event} */ event) => event.preventDefault()}
      onClick=${() => app.quoteSelection()}
    >
      ${icon("quote")}${t("Quote")}
    </button>
  `;
}

/** @param {HTMLElement | null} area */
function selectedIn(area) {
  const selection = document.getSelection();
  if (!area || !selection || selection.isCollapsed) return "";
  const messages = area.querySelector(".messages");
  if (!messages?.contains(selection.anchorNode) || !messages.contains(selection.focusNode)) return "";
  return selection.toString().trim();
}

/** @param {HTMLElement | null} area */
function placeOf(area) {
  const box = area?.getBoundingClientRect();
  const range = document.getSelection()?.getRangeAt(0).getBoundingClientRect();
  if (!box || !range || range.bottom < box.top || range.top > box.bottom) return null;
  const above = range.top - box.top - HEIGHT - GAP;
  const top = above > 0 ? above : Math.min(range.bottom - box.top + GAP, box.height - HEIGHT - GAP);
  const left = Math.min(Math.max(range.left + range.width / 2 - box.left, 60), box.width - 60);
  return { top, left };
}
