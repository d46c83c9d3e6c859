/** A small button with an icon. One that cannot act just now stays where it is, and says why. */
import { useApp } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";

/**
 * @typedef {object} Props
 * @property {string} label
 * @property {Parameters<typeof icon>[0]} icon
 * @property {() => void} act
 * @property {string} [reason]     why not now, or ""
 * @property {boolean} [flipped]   the icon looks the other way
 * @property {boolean} [open]      what it shows is shown
 *
 * @param {Props} props
 */
export function Tool({ label, icon: name, act, reason = "", flipped = false, open }) {
  const { app } = useApp();
  return html`
    <button
      type="button"
      class=${`icon-button tool${flipped ? " flipped" : ""}`}
      aria-label=${label}
      title=${reason ? `${label}. ${reason}.` : label}
      aria-disabled=${reason ? "true" : null}
      aria-expanded=${open}
      data-tool=${name}
      onClick=${() => (reason ? app.notices.say({ id: "reason", text: `${reason}.` }) : act())}
    >
      ${icon(name)}
    </button>
  `;
}
