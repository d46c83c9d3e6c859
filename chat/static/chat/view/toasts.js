/** Short notes about what was just done, some with a way back. */
import { t } from "../i18n.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";

export function Toasts() {
  const { app, store } = useApp();
  const toasts = useSelect((state) => state.toasts);
  return html`
    <div class="toasts" role="status">
      ${toasts.map(
        ({ id, text, undo, show, error }) => html`
          <div key=${id} class=${error ? "toast toast-error" : "toast"} data-toast=${id}>
            <p>${text}</p>
            ${undo && html`<button type="button" class="button" onClick=${() => app.undo(undo)}>${t("Undo")}</button>`}
            ${show && html`<button type="button" class="button" onClick=${() => app.show(show)}>${t("Show")}</button>`}
            <button
              type="button"
              class="icon-button"
              aria-label=${t("Close this note")}
              onClick=${() => store.dispatch({ type: "untoast", id })}
            >
              ${icon("close")}
            </button>
          </div>
        `,
      )}
    </div>
  `;
}
