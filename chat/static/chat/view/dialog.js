/** A dialog over the page. The browser keeps the focus in it, closes it with Escape, and gives the focus back afterwards. */
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

/** @param {{label: string, kind: string, onClose: () => void, children: import("preact").ComponentChildren}} props */
export function Dialog({ label, kind, onClose, children }) {
  const root = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const dialog = root.current;
    dialog?.showModal();
    // Closed by the browser, the focus goes back to where it was; taken out of the page open, it would be lost.
    return () => dialog?.close();
  }, []);
  return html`
    <dialog
      ref=${root}
      class=${`dialog ${kind}`}
      aria-label=${label}
      onClose=${onClose}
      onClick=${(/** @type {MouseEvent} */ event) => event.target === root.current && root.current?.close()}
    >
      <div class="dialog-body">${children}</div>
    </dialog>
  `;
}
