/** Colours code. The highlighter and each language are fetched when the first block needs them, and not before. */
import { once } from "../once.js";

/** Characters beyond which code stays plain: colouring is one task that the page has to wait for. */
const MOST = 60_000;
const CORE = "highlight/core";
/** What blocks call a language → the file that knows it. Which files there are is said by config/vendor_files.py. */
const NAMES = new Map(
  Object.entries({
    bash: "sh shell zsh console shellsession",
    c: "h",
    cpp: "c++ cc hpp cxx",
    csharp: "cs c#",
    css: "",
    diff: "patch",
    dockerfile: "docker",
    go: "golang",
    graphql: "gql",
    ini: "toml conf",
    java: "",
    javascript: "js jsx mjs cjs",
    json: "jsonc json5",
    kotlin: "kt",
    lua: "",
    makefile: "make mk",
    markdown: "md",
    php: "",
    powershell: "ps1 pwsh",
    python: "py python3",
    r: "",
    ruby: "rb",
    rust: "rs",
    scala: "",
    scss: "",
    sql: "postgresql sqlite mysql",
    swift: "",
    typescript: "ts tsx",
    xml: "html svg htm vue svelte xhtml",
    yaml: "yml",
  }).flatMap(([file, names]) => [file, ...names.split(" ").filter(Boolean)].map((name) => /** @type {const} */ ([name, file]))),
);

const core = once(() => import(CORE).then((module) => module.default));
/** @type {Record<string, () => Promise<void>>} */
const languages = {};

/**
 * The code as HTML of spans with classes, or null where it stays plain.
 *
 * @param {string} code
 * @param {string} language as the block calls it
 * @returns {Promise<string | null>}
 */
export async function highlight(code, language) {
  const name = NAMES.get(language.toLowerCase());
  if (!name || code.length > MOST) return null;
  const library = await core();
  const file = `highlight/${name}`;
  languages[name] ??= once(() => import(file).then((module) => library.registerLanguage(name, module.default)));
  await languages[name]();
  return library.highlight(code, { language: name, ignoreIllegals: true }).value;
}
