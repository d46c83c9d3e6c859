/** How long to wait before trying again: exponential, with full jitter, so that many clients do not come back at once. */

const FIRST = 500;
const MOST = 30_000;

/**
 * Milliseconds to wait.
 *
 * @param {number} failures attempts that failed in a row, from 1
 * @param {() => number} random in [0, 1)
 * @param {number} [least] seconds that the server asked for
 */
export function backoff(failures, random, least = 0) {
  return least * 1000 + random() * Math.min(MOST, FIRST * 2 ** Math.min(failures - 1, 16));
}
