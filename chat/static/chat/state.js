/** The one place where the page's state lives. It changes at once and is drawn once per animation frame. */
import { reduce } from "./local.js";
import { initialState } from "./store.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./local.js").Action} Action
 */

export class Store {
  /** @param {(draw: () => void) => void} schedule calls back before the next picture: `requestAnimationFrame` */
  constructor(schedule) {
    /** @type {State} */
    this.state = initialState();
    this.schedule = schedule;
    this.scheduled = false;
    /** @type {Set<() => void>} */
    this.viewers = new Set();
    /** @type {Set<(state: State, action: Action, before: State) => void>} */
    this.followers = new Set();
  }

  /**
   * Apply an action now. Followers (the logic) hear of it at once, viewers at the next frame: a tab in the background
   * has no frames, and must go on reading all the same.
   *
   * @param {Action} action
   */
  dispatch(action) {
    const before = this.state;
    this.state = reduce(before, action);
    if (this.state === before) return;
    for (const follower of this.followers) follower(this.state, action, before);
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      for (const viewer of this.viewers) viewer();
    });
  }

  /**
   * Be called at each frame after which the state differs. Returns what ends it.
   *
   * @param {() => void} viewer
   */
  view(viewer) {
    this.viewers.add(viewer);
    return () => void this.viewers.delete(viewer);
  }

  /**
   * Be called after each action that changed the state.
   *
   * @param {(state: State, action: Action, before: State) => void} follower
   */
  follow(follower) {
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  }
}
