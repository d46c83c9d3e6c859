/** Which chats a list shows, and in which order. Pure. */

/** @typedef {import("./types.js").Chat} Chat */

/**
 * Pinned ones first, then by the newest message.
 *
 * @param {Chat[]} chats
 * @param {boolean} archived
 * @param {string} [words]   only chats whose title holds them, in any case
 */
export function inOrder(chats, archived, words = "") {
  const wanted = words.toLocaleLowerCase();
  return chats
    .filter((chat) => chat.archived === archived && (!wanted || chat.title.toLocaleLowerCase().includes(wanted)))
    .sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || compare(b.updated_at, a.updated_at) || compare(b.id, a.id));
}

/**
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
