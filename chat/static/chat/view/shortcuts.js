/** The list of shortcuts. */
import { t } from "../i18n.js";
import { shortcuts, shown } from "../keys.js";
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { icon } from "./icon.js";

/** @param {{onClose: () => void}} props */
export function Shortcuts({ onClose }) {
  return html`
    <${Dialog} label=${t("Keyboard shortcuts")} kind="shortcuts" onClose=${onClose}>
      <header class="dialog-head">
        <h2>${t("Keyboard shortcuts")}</h2>
        <button type="button" class="icon-button" aria-label=${t("Close")} onClick=${(/** @type {MouseEvent} */ event) => closeDialog(event)}>${icon("close")}</button>
      </header>
      <div class="shortcut-list" tabindex="0" role="group" aria-label=${t("Keyboard shortcuts")}>
        <dl>
          ${[...shortcuts(), ...inComposer()].map(
            ({ label, keys }) => html`
              <div>
                <dt>${label}</dt>
                <dd>${shown(keys).map((key) => html`<kbd>${key}</kbd>`)}</dd>
              </div>
            `,
          )}
        </dl>
      </div>
    <//>
  `;
}

/** What the field itself does. */
function inComposer() {
  return [
    { label: t("Send"), keys: "Enter" },
    { label: t("New line"), keys: "Shift+Enter" },
    { label: t("Edit your last message, in an empty composer"), keys: "ArrowUp" },
    { label: t("Leave an edit, a menu or a dialog"), keys: "Escape" },
  ];
}

/** @param {MouseEvent} event */
function closeDialog(event) {
  if (event.currentTarget instanceof Element) event.currentTarget.closest("dialog")?.close();
}
