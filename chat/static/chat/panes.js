/**
 * Which chats are side by side, and the address that says so: `/c/ID+ID`. A pane's key is a chat's id, or `new` for an
 * empty one, or `new:…` while the chat of its first message is being made. Pure.
 *
 * @typedef {{keys: string[], focus: number}} Panes
 */
import { t } from "./i18n.js";

export const NEW = "new";
/** As many panes as the page shows at its widest. */
export const MOST_PANES = 3;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @param {string} key */
export function isChat(key) {
  return !key.startsWith(NEW);
}

/**
 * What a pane is called.
 *
 * @param {import("./types.js").State} state
 * @param {string} key
 */
export function titleOf(state, key) {
  const chat = state.chats[key];
  return chat?.title || (chat || !isChat(key) ? t("New chat") : t("Chat"));
}

/**
 * Show `key`: beside the pane in focus (if asked for, and if one more is allowed or it is in a pane already), else where
 * it is already, else instead of the pane in focus.
 *
 * @param {Panes} panes
 * @param {string} key
 * @param {boolean} [beside]
 * @returns {Panes}
 */
export function show(panes, key, beside = false) {
  const at = panes.keys.indexOf(key);
  if (at >= 0 && (!beside || at === panes.focus)) return { keys: panes.keys, focus: at };
  const keys = panes.keys.filter((other) => other !== key);
  const focus = at >= 0 && at < panes.focus ? panes.focus - 1 : panes.focus;
  if (beside && keys.length < MOST_PANES) keys.splice(focus + 1, 0, key);
  else keys.splice(focus, 1, key);
  return { keys, focus: keys.indexOf(key) };
}

/**
 * @param {Panes} panes
 * @param {string} key
 * @returns {Panes}
 */
export function close(panes, key) {
  const keys = panes.keys.filter((other) => other !== key);
  if (!keys.length) return { keys: [NEW], focus: 0 };
  const at = panes.keys.indexOf(key);
  const focus = at >= 0 && at < panes.focus ? panes.focus - 1 : panes.focus;
  return { keys, focus: Math.min(focus, keys.length - 1) };
}

/**
 * The panes that fit, with the one in focus among them.
 *
 * @param {Panes} panes
 * @param {number} room how many fit
 */
export function visible(panes, room) {
  const first = Math.max(0, Math.min(panes.focus - room + 1, panes.keys.length - room));
  return panes.keys.slice(first, first + room);
}

/**
 * The panes for which there is no room, those after the visible ones first.
 *
 * @param {Panes} panes
 * @param {number} room how many fit
 */
export function waiting(panes, room) {
  const shown = visible(panes, room);
  const after = panes.keys.indexOf(shown.at(-1) ?? "") + 1;
  return [...panes.keys.slice(after), ...panes.keys.slice(0, after)].filter((key) => !shown.includes(key));
}

/** @param {string[]} keys */
export function toPath(keys) {
  const chats = keys.filter(isChat);
  return chats.length ? `/c/${chats.join("+")}` : "/";
}

/**
 * @param {string} path
 * @returns {Panes}
 */
export function fromPath(path) {
  const ids = /^\/c\/([^/]+)$/.exec(path)?.[1]?.toLowerCase().split("+") ?? [];
  const keys = [...new Set(ids.filter((id) => ID.test(id)))].slice(0, MOST_PANES);
  return { keys: keys.length ? keys : [NEW], focus: 0 };
}
