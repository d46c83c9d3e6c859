/** How fast a reply came, for those who ask: in tokens where the model counts them, else in characters. Pure. */

/** Seconds: what was written faster than this came in so few pieces that it has no speed. */
const LEAST = 0.3;

/**
 * Seconds to the first words, and what came in a second from then on; null where that says nothing.
 *
 * @param {import("./types.js").Timing | undefined} timing
 * @returns {{first: number, rate: number | null, unit: "tokens" | "characters", tokens: number} | null}
 */
export function speedOf(timing) {
  if (!timing) return null;
  const { first, writing, characters, tokens = 0 } = timing;
  return { first, rate: writing < LEAST ? null : (tokens || characters) / writing, unit: tokens ? "tokens" : "characters", tokens };
}
