/** How a reply came about, for those who ask. */
import { language, t } from "../i18n.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";

/** @param {{message: import("../types.js").Message}} props */
export function Details({ message }) {
  const { app } = useApp();
  const run = useSelect((state) => state.open[message.chat]?.runs[message.run ?? ""]);
  const agents = useSelect((state) => state.hello?.agents);
  const said = describe(app.timings.of(message.run));
  const agent = agents?.find((one) => one.name === run?.agent)?.title;
  const at = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(message.created_at));
  return html`<p class="details">${[at, agent, ...said].filter(Boolean).join(" · ")}</p>`;
}

/** @param {ReturnType<import("../timings.js").Timings["of"]>} timing */
function describe(timing) {
  if (!timing) return [t("not timed, because it was not written before this page")];
  const { first, rate, unit, tokens } = timing;
  const round = (/** @type {number} */ value, /** @type {number} */ digits) => value.toLocaleString(language, { maximumFractionDigits: digits });
  return [
    first === null ? "" : t("first words after {seconds} s", { seconds: round(first, 2) }),
    rate === null ? "" : unit === "tokens" ? t("{rate} tokens/s", { rate: round(rate, 1) }) : t("{rate} characters/s", { rate: round(rate, 0) }),
    tokens ? t("{tokens} tokens", { tokens: round(tokens, 0) }) : "",
  ];
}
