/** Which chats a list shows, and in which order. Pure. */

/** @typedef {import("./types.js").Chat} Chat */

/**
 * Pinned ones first, then by the newest message.
 *
 * @param {Chat[]} chats
 * @param {boolean} archived
 * @param {string} [words]   only chats whose title holds them, as `folded`
 */
export function inOrder(chats, archived, words = "") {
  const wanted = folded(words);
  return chats
    .filter((chat) => chat.archived === archived && (!wanted || folded(chat.title).includes(wanted)))
    .sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || compare(b.updated_at, a.updated_at) || compare(b.id, a.id));
}

/**
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * A text without what one does not mean when one looks for words: case, how letters are composed, and the accents of
 * Latin, Greek and Cyrillic ones. The server's `chat/selectors/lists.py` does the same.
 *
 * @param {string} text
 */
export function folded(text) {
  return text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toUpperCase();
}
