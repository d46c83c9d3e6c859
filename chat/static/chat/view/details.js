/** How a reply came about, for those who ask. */
import { agentTitle } from "../agents.js";
import { language, t } from "../i18n.js";
import { speedOf } from "../timing.js";
import { useSelect } from "./context.js";
import { html } from "./html.js";

/** @param {{message: import("../types.js").Message}} props */
export function Details({ message }) {
  const run = useSelect((state) => state.open[message.chat]?.runs[message.run ?? ""]);
  const agents = useSelect((state) => state.hello?.agents);
  const said = describe(speedOf(message.timing));
  const agent = agentTitle(agents?.find((one) => one.name === run?.agent)?.title ?? "");
  const at = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(message.created_at));
  return html`<p class="details">${[at, agent, ...said].filter(Boolean).join(" · ")}</p>`;
}

/** @param {ReturnType<typeof speedOf>} timing */
function describe(timing) {
  if (!timing) return [t("not timed")];
  const { first, rate, unit, tokens } = timing;
  const round = (/** @type {number} */ value, /** @type {number} */ digits) => value.toLocaleString(language, { maximumFractionDigits: digits });
  return [
    t("first words after {seconds} s", { seconds: round(first, 2) }),
    rate === null ? "" : unit === "tokens" ? t("{rate} tokens/s", { rate: round(rate, 1) }) : t("{rate} characters/s", { rate: round(rate, 0) }),
    tokens ? t("{tokens} tokens", { tokens: round(tokens, 0) }) : "",
  ];
}
