/** How wide panes are beside each other, as shares that sum to 1. Pure. */

/** The least share of a pane, whatever the window's width. */
export const LEAST = 0.15;

/**
 * Shares that were kept as text; equal ones where they make no sense for `count` panes.
 *
 * @param {string | null} kept
 * @param {number} count
 */
export function readShares(kept, count) {
  const shares = (kept ?? "").split(" ").map(Number);
  const sum = shares.reduce((all, share) => all + share, 0);
  const good = shares.length === count && shares.every((share) => share >= LEAST - 0.001) && Math.abs(sum - 1) < 0.01;
  return good ? shares : Array.from({ length: count }, () => 1 / count);
}

/** @param {number[]} shares */
export function writeShares(shares) {
  return shares.map((share) => share.toFixed(4)).join(" ");
}

/**
 * The shares after the border behind pane `index` moved by `by`; what one gains the other loses, and neither falls below
 * `least`.
 *
 * @param {number[]} shares
 * @param {number} index
 * @param {number} by
 * @param {number} [least]
 */
export function moveBorder(shares, index, by, least = LEAST) {
  const left = shares[index] ?? 0;
  const right = shares[index + 1] ?? 0;
  const both = left + right;
  const floor = Math.min(least, both / 2);
  const moved = Math.min(Math.max(left + by, floor), both - floor);
  return shares.map((share, at) => (at === index ? moved : at === index + 1 ? both - moved : share));
}
