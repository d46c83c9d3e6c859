/** How the page looks and which language it speaks, kept by this browser: in cookies, so that the first byte is right. */
import { useState } from "preact/hooks";
import { cookie } from "../http.js";
import { language, t } from "../i18n.js";
import { useApp } from "./context.js";
import { html } from "./html.js";
import { icon } from "./icon.js";

/** Seconds. */
const YEAR = 365 * 24 * 3600;

/**
 * @param {string} name
 * @param {string} value nothing: forget it
 */
function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${value ? YEAR : 0}; SameSite=Lax${secure}`;
}

/** @typedef {Event & {currentTarget: HTMLSelectElement}} Choice */

export function Preferences() {
  const { config } = useApp();
  const [theme, setTheme] = useState(() => cookie(document.cookie, "theme"));
  return html`
    <div class="foot-row preferences">
      <label class="preference" title=${t("Colours")}>
        ${icon("theme")}
        <select
          aria-label=${t("Colours")}
          value=${theme}
          onChange=${(/** @type {Choice} */ event) => {
            const { value } = event.currentTarget;
            keep("theme", value);
            if (value) document.documentElement.dataset["theme"] = value;
            else delete document.documentElement.dataset["theme"];
            setTheme(value);
          }}
        >
          <option value="">${t("System")}</option>
          <option value="light">${t("Light")}</option>
          <option value="dark">${t("Dark")}</option>
        </select>
      </label>
      ${config.languages.length > 1 &&
      html`
        <label class="preference" title=${t("Language")}>
          ${icon("globe")}
          <select
            aria-label=${t("Language")}
            value=${language}
            onChange=${(/** @type {Choice} */ event) => {
              keep("language", event.currentTarget.value);
              location.reload();
            }}
          >
            ${config.languages.map(({ code, name }) => html`<option value=${code} lang=${code}>${name}</option>`)}
          </select>
        </label>
      `}
    </div>
  `;
}
