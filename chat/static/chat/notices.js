/** Notes at the edge of the page: what went wrong, what can be undone, and what happened in a chat that is not in view. */
import { t, told } from "./i18n.js";
import * as panes from "./panes.js";
import { CommandError } from "./socket.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Toast} Toast
 *
 * @typedef {object} Surroundings
 * @property {() => string[]} inView   the panes that are seen
 * @property {(toast: string) => boolean} held   somebody is at a note, with the pointer or the focus
 * @property {(call: () => void, milliseconds: number) => unknown} setTimeout
 */

/** Milliseconds for which a note stays, and one that offers to undo something; longer while somebody is at it. */
const NOTE_FOR = 10_000;
const UNDO_FOR = 30_000;

export class Notices {
  /**
   * @param {import("./state.js").Store} store
   * @param {Surroundings} surroundings
   */
  constructor(store, { inView, held, setTimeout }) {
    this.store = store;
    this.inView = inView;
    this.held = held;
    this.setTimeout = setTimeout;
  }

  /** @param {Toast} toast */
  say(toast) {
    this.store.dispatch({ type: "toast", toast });
    if (!toast.stays) this.setTimeout(() => this.fade(toast), toast.undo ? UNDO_FOR : NOTE_FOR);
  }

  /** @param {unknown} error */
  complain(error) {
    const text = error instanceof CommandError ? told(error.message) : t("Something went wrong in this page. Reload it and try again.");
    this.say({ id: "error", text, error: true });
    if (!(error instanceof CommandError)) throw error;
  }

  /**
   * What was refused is said where it stands; where that is not in view, in a note too.
   *
   * @param {State} state
   * @param {string} key the pane's
   */
  tellRefusal(state, key) {
    if (!key || this.inView().includes(key)) return;
    const text = t("In “{title}” something could not be sent.", { title: panes.titleOf(state, key) });
    this.say({ id: `refused-${key}`, text, show: key, error: true, stays: true });
  }

  /**
   * Notes of what is in view now have done their work.
   *
   * @param {State} state
   */
  dropSeen({ toasts }) {
    const seen = this.inView();
    for (const { id, show } of toasts) if (show && seen.includes(show)) this.store.dispatch({ type: "untoast", id });
  }

  /** @param {Toast} toast */
  fade(toast) {
    if (!this.store.state.toasts.includes(toast)) return;
    if (this.held(toast.id)) this.setTimeout(() => this.fade(toast), NOTE_FOR);
    else this.store.dispatch({ type: "untoast", id: toast.id });
  }
}
