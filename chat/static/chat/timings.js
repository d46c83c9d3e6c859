/** How fast replies came, as this tab saw them: measured always, shown when asked for. */

/** Runs that are remembered. */
const MOST = 200;

/**
 * @typedef {object} Timing   in milliseconds
 * @property {number | null} begun    when the run was announced; null where this tab came later
 * @property {number | null} first    when its first words came
 * @property {number | null} ended
 * @property {number} tokens          that the model says it wrote; 0 where it does not say
 * @property {number} characters      that came here
 * @property {number} early           of these, those of the first frame: nothing is known of how long they took
 */

export class Timings {
  /**
   * @param {import("./state.js").Store} store
   * @param {() => number} now
   */
  constructor(store, now) {
    this.now = now;
    /** @type {Map<string, Timing>} */
    this.runs = new Map();
    store.follow((state, action, before) => {
      if (action.type !== "frame" || state.open === before.open) return;
      const { frame } = action;
      if (frame.type === "chat.changed") {
        for (const run of frame.change.runs ?? []) if (run.status === "running" && run.seq === 0) this.add(run.run, this.now());
      } else if (frame.type === "run.events") this.heard(frame);
    });
  }

  /**
   * @param {string} run
   * @param {number | null} begun
   */
  add(run, begun) {
    const known = this.runs.get(run);
    if (known) return known;
    /** @type {Timing} */
    const timing = { begun, first: null, ended: null, tokens: 0, characters: 0, early: 0 };
    this.runs.set(run, timing);
    for (const old of [...this.runs.keys()].slice(0, -MOST)) this.runs.delete(old);
    return timing;
  }

  /** @param {import("./types.js").RunEvents} frame */
  heard({ run, events }) {
    const timing = this.add(run, null);
    if (timing.ended !== null) return;
    const now = this.now();
    const characters = events.reduce((sum, { type, delta }) => sum + (WORDS.has(type) ? delta.length : 0), 0);
    if (characters && timing.first === null) {
      timing.first = now;
      timing.early = characters;
    }
    timing.characters += characters;
    const last = events.at(-1);
    if (last?.type !== "RUN_FINISHED" && last?.type !== "RUN_ERROR") return;
    timing.ended = now;
    for (const usage of last.usage ?? []) timing.tokens += usage.outputTokens ?? 0;
  }

  /**
   * Seconds to the first words, and what came in a second after them; null what this tab cannot know.
   *
   * @param {string | null} run
   * @returns {{first: number | null, rate: number | null, unit: "tokens" | "characters", tokens: number} | null}
   */
  of(run) {
    const timing = this.runs.get(run ?? "");
    if (!timing || timing.first === null) return null;
    const first = timing.begun === null ? null : (timing.first - timing.begun) / 1000;
    const seconds = timing.ended === null ? 0 : (timing.ended - timing.first) / 1000;
    // The first words are the start of the measure, so they are not in it.
    const share = timing.characters ? 1 - timing.early / timing.characters : 0;
    const whole = timing.begun !== null && timing.tokens > 0;
    const amount = whole ? timing.tokens * share : timing.characters - timing.early;
    return { first, rate: seconds > 0 && amount > 0 ? amount / seconds : null, unit: whole ? "tokens" : "characters", tokens: timing.tokens };
  }
}

const WORDS = new Set(["TEXT_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT", "TOOL_CALL_ARGS"]);
