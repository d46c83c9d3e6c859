/** What is fetched when it is needed, and then kept. */

/** Milliseconds for which a failure counts: a reply that grows would ask again with each frame. */
const FAILED_FOR = 10_000;

/**
 * `fetch`, called at the first call only; after a failure, at the first one ten seconds later.
 *
 * @template {unknown[]} A
 * @template T
 * @param {(...given: A) => Promise<T>} fetch
 * @returns {(...given: A) => Promise<T>}
 */
export function once(fetch) {
  /** @type {Promise<T> | null} */
  let fetched = null;
  return (...given) => {
    if (!fetched) {
      fetched = fetch(...given);
      fetched.catch(() => setTimeout(() => (fetched = null), FAILED_FOR));
    }
    return fetched;
  };
}
