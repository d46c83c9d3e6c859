/** A button that opens a short list of things to do, for mouse and keyboard. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { icon } from "./icon.js";

/**
 * @typedef {{label: string, icon: Parameters<typeof icon>[0], danger?: boolean, act: () => void}} Item
 *
 * @param {{label: string, items: Item[]}} props
 */
export function Menu({ label, items }) {
  const [open, setOpen] = useState(false);
  const root = useRef(/** @type {HTMLDivElement | null} */ (null));
  const list = useRef(/** @type {HTMLDivElement | null} */ (null));
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));

  useLayoutEffect(() => {
    if (!open) return;
    // Upwards where the list that scrolls ends too soon below, if there is room above.
    const items = list.current?.getBoundingClientRect();
    const place = root.current?.getBoundingClientRect();
    const around = root.current?.closest("nav")?.getBoundingClientRect();
    if (!items || !place) return;
    const room = place.top - items.height >= (around?.top ?? 0);
    list.current?.classList.toggle("up", room && items.bottom > (around?.bottom ?? innerHeight));
  }, [open]);

  useEffect(() => {
    if (!open) return;
    root.current?.querySelector(/** @type {"button"} */ ('[role="menuitem"]'))?.focus();
    const elsewhere = (/** @type {Event} */ event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open]);

  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (!open) return;
    const entries = [.../** @type {NodeListOf<HTMLElement>} */ (root.current?.querySelectorAll('[role="menuitem"]') ?? [])];
    const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      entries.at(target % entries.length)?.focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    } else if (event.key === "Tab") setOpen(false);
  };

  return html`
    <div class="menu" ref=${root} onKeyDown=${onKeyDown}>
      <button
        type="button"
        class="icon-button"
        ref=${button}
        aria-label=${label}
        aria-haspopup="menu"
        aria-expanded=${open}
        onClick=${() => setOpen(!open)}
      >
        ${icon("more")}
      </button>
      ${open &&
      html`
        <div class="menu-items" role="menu" aria-label=${label} ref=${list}>
          ${items.map(
            (item) => html`
              <button
                type="button"
                role="menuitem"
                tabindex="-1"
                class=${item.danger ? "menu-item danger" : "menu-item"}
                onClick=${() => {
                  setOpen(false);
                  // The focus goes back first: what the item does may take it elsewhere.
                  button.current?.focus();
                  item.act();
                }}
              >
                ${icon(item.icon)}${item.label}
              </button>
            `,
          )}
        </div>
      `}
    </div>
  `;
}
