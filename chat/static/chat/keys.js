/** The shortcuts of the page: which keys, and what they are for. Pure but for the name of the system. */
import { t } from "./i18n.js";

/**
 * @typedef {"palette" | "shortcuts" | "new" | "filter" | "stop" | "quote" | "next" | "previous" | "pane"} Command
 * @typedef {{command: Command, keys: string, label: string}} Shortcut   `Mod`: ⌘ on a Mac, Ctrl elsewhere
 * @typedef {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} Keys
 */

const MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? "");

/** @returns {Shortcut[]} */
export function shortcuts() {
  return [
    { command: "palette", keys: "Mod+K", label: t("Jump to a chat, or run an action") },
    { command: "new", keys: "Mod+Shift+O", label: t("New chat") },
    { command: "filter", keys: "/", label: t("Filter the list") },
    { command: "previous", keys: "Alt+ArrowUp", label: t("Previous chat of the list") },
    { command: "next", keys: "Alt+ArrowDown", label: t("Next chat of the list") },
    { command: "pane", keys: "Alt+1–3", label: t("Go to a chat that is open") },
    { command: "stop", keys: "Mod+.", label: t("Stop the reply") },
    { command: "quote", keys: "Alt+Q", label: t("Quote what is selected") },
    { command: "shortcuts", keys: "?", label: t("This list") },
  ];
}

/**
 * What the keys mean, if anything. Plain characters mean nothing while one `types`.
 *
 * @param {Keys} event
 * @param {boolean} types
 * @param {boolean} [mac]
 * @returns {{command: Command, number?: number} | null}
 */
export function commandOf(event, types, mac = MAC) {
  const { key, code, shiftKey, altKey } = event;
  const mod = mac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (mod && !altKey) {
    if (key.toLowerCase() === "k" && !shiftKey) return { command: "palette" };
    if (code === "KeyO" && shiftKey) return { command: "new" };
    if (key === "." && !shiftKey) return { command: "stop" };
    return null;
  }
  if (event.ctrlKey || event.metaKey) return null;
  if (altKey && !shiftKey) {
    if (key === "ArrowUp") return { command: "previous" };
    if (key === "ArrowDown") return { command: "next" };
    // With Alt, a Mac types other characters, which in some languages are those of everyday: #, €, @, |.
    if (types && mac) return null;
    // By the place of the key, for the same reason.
    if (code === "KeyQ") return { command: "quote" };
    const number = /^Digit([1-3])$/.exec(code)?.[1];
    return number ? { command: "pane", number: Number(number) } : null;
  }
  if (types || altKey) return null;
  if (key === "/") return { command: "filter" };
  return key === "?" ? { command: "shortcuts" } : null;
}

const NAMES = MAC
  ? { Mod: "⌘", Shift: "⇧", Alt: "⌥", Enter: "↩", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" }
  : { Mod: "Ctrl", Shift: "Shift", Alt: "Alt", Enter: "Enter", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };

/**
 * Keys as they are called on this system.
 *
 * @param {string} keys
 */
export function shown(keys) {
  return keys.split("+").map((key) => /** @type {Record<string, string>} */ (NAMES)[key] ?? key);
}
