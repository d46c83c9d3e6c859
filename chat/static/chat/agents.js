/** The names of agents. */
import { t } from "./i18n.js";

/**
 * What an agent is called. The one of a server that names none speaks the reader's language; other names are its own.
 *
 * @param {string} title
 */
export function agentTitle(title) {
  return title === "Assistant" ? t("Assistant") : title;
}
