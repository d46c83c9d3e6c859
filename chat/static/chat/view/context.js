/** How components reach the logic and the state. */
import { createContext, Component, h } from "preact";
import { useContext, useLayoutEffect, useReducer, useRef } from "preact/hooks";

/**
 * @typedef {import("../types.js").State} State
 * @typedef {{app: import("../app.js").App, store: import("../state.js").Store, config: import("../main.js").Config}} Context
 */

export const AppContext = createContext(/** @type {Context} */ (/** @type {unknown} */ (null)));

export function useApp() {
  return useContext(AppContext);
}

/**
 * A piece of the state; the component is drawn again when that piece is another one. `select` must return what is in the
 * state (or a plain value), never something made on the spot, or it would differ each time.
 *
 * @template T
 * @param {(state: State) => T} select
 * @returns {T}
 */
export function useSelect(select) {
  const { store } = useApp();
  const selected = select(store.state);
  const latest = useRef({ select, selected });
  latest.current = { select, selected };
  const [, draw] = useReducer((/** @type {number} */ count) => count + 1, 0);
  useLayoutEffect(() => {
    const look = () => {
      const { select, selected } = latest.current;
      if (!Object.is(select(store.state), selected)) draw(undefined);
    };
    // The state may have moved between the drawing and this.
    look();
    return store.view(look);
  }, [store]);
  return selected;
}

/**
 * A component that is drawn again only when one of its props is another one.
 *
 * @template P
 * @param {(props: P) => import("preact").ComponentChild} view
 * @returns {import("preact").ComponentType<P>}
 */
export function memo(view) {
  return class extends Component {
    /** @param {any} next */
    shouldComponentUpdate(next) {
      const props = /** @type {any} */ (this.props);
      const names = Object.keys(next);
      return names.length !== Object.keys(props).length || names.some((name) => !Object.is(next[name], props[name]));
    }

    /** @param {any} props */
    render(props) {
      return h(/** @type {any} */ (view), props);
    }
  };
}
