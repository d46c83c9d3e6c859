/**
 * The page's words in the reader's language. The English text is the key; the server puts the catalogue of another
 * language into the page. `manage.py messages` finds the texts by looking for these calls, so they are written as plain
 * literals: `t("Deleted “{title}”.", { title })`, `tn("{count} reply", "{count} replies", count)`.
 */

/** @typedef {Record<string, string | number>} Values */

/** @type {Record<string, string[]>} */
const catalogue = JSON.parse(globalThis.document?.getElementById("catalogue")?.textContent || "{}");
export const language = globalThis.document?.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);
// Gettext numbers the forms of a language in this order.
const forms = /** @type {Intl.LDMLPluralRule[]} */ (["zero", "one", "two", "few", "many", "other"]).filter((form) =>
  plural.resolvedOptions().pluralCategories.includes(form),
);

/**
 * A text, with the values put where their names stand in braces.
 *
 * @param {string} text
 * @param {Values} [values]
 */
export function t(text, values) {
  return fill(catalogue[text]?.[0] ?? text, values);
}

/**
 * A text that depends on a number, which it calls `{count}`.
 *
 * @param {string} one
 * @param {string} many
 * @param {number} count
 * @param {Values} [values]
 */
export function tn(one, many, count, values) {
  const said = catalogue[`${one}\0${many}`]?.[forms.indexOf(plural.select(count))];
  return fill(said ?? (count === 1 ? one : many), { count, ...values });
}

/** Sentences with values in them, and what they look like once those are in their places. */
const shapes = Object.keys(catalogue)
  .filter((key) => /^[A-Z].*\{\w+\}.*\.$/s.test(key))
  .map((key) => {
    const [first = "", ...rest] = key.split(/\{\w+\}/).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return { key, names: key.match(/(?<=\{)\w+(?=\})/g) ?? [], shape: new RegExp(`^${[first, ...rest].join("(.*?)")}$`, "s") };
  });

/**
 * A sentence of the server's, which comes in English with its values in it.
 *
 * @param {string} sentence
 */
export function told(sentence) {
  if (catalogue[sentence]) return t(sentence);
  for (const { key, names, shape } of shapes) {
    const found = shape.exec(sentence);
    if (found) return t(key, Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? ""])));
  }
  return sentence;
}

/**
 * @param {string} text
 * @param {Values} [values]
 */
function fill(text, values) {
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}
