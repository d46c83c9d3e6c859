/** Panes side by side, with borders between them that move by pointer and by keyboard. */
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n.js";
import { titleOf } from "../panes.js";
import { LEAST, moveBorder, readShares, writeShares } from "../widths.js";
import { useApp, useSelect } from "./context.js";
import { html } from "./html.js";

/** How far a key moves a border. */
const STEP = 0.02;
/** Pixels that a pane keeps. */
const LEAST_WIDTH = 280;

/** @param {{keys: string[], children: (key: string) => import("preact").ComponentChild}} props */
export function Split({ keys, children }) {
  const { app } = useApp();
  const count = keys.length;
  const kept = useRef(/** @type {Record<number, number[]>} */ ({}));
  const [, draw] = useState(0);
  const root = useRef(/** @type {HTMLDivElement | null} */ (null));
  const shares = (kept.current[count] ??= readShares(app.layout.get(`panes-${count}`), count));

  /** @param {number[]} next */
  const set = (next) => {
    kept.current[count] = next;
    app.layout.set(`panes-${count}`, writeShares(next));
    draw((times) => times + 1);
  };
  /**
   * @param {number} index
   * @param {number} by
   * @param {number[]} [from]
   */
  const move = (index, by, from = shares) => {
    const width = root.current?.clientWidth ?? 0;
    set(moveBorder(from, index, by, width ? Math.max(LEAST, Math.min(LEAST_WIDTH / width, 1 / count)) : LEAST));
  };
  const even = () => set(readShares(null, count));

  const columns = shares.map((share) => `minmax(0, ${(100 * share).toFixed(2)}fr)`).join(" auto ");
  return html`
    <div class=${`panes panes-${count}`} ref=${root} style=${{ gridTemplateColumns: columns }}>
      ${keys.flatMap((key, index) => [
        index > 0 && html`<${Border} key=${`border-${index}`} before=${keys[index - 1]} after=${key} shares=${shares} index=${index - 1} root=${root} onMove=${move} onEven=${even} />`,
        children(key),
      ])}
    </div>
  `;
}

/**
 * @typedef {object} BorderProps
 * @property {string} before
 * @property {string} after
 * @property {number[]} shares
 * @property {number} index     of the pane before it
 * @property {{current: HTMLElement | null}} root
 * @property {(index: number, by: number, from?: number[]) => void} onMove
 * @property {() => void} onEven
 *
 * @param {BorderProps} props
 */
function Border({ before, after, shares, index, root, onMove, onEven }) {
  const first = useSelect((state) => titleOf(state, before));
  const second = useSelect((state) => titleOf(state, after));
  const start = useRef(/** @type {{x: number, shares: number[]} | null} */ (null));
  const share = (/** @type {number} */ both) => Math.round((100 * (shares[index] ?? 0)) / both);
  const both = (shares[index] ?? 0) + (shares[index + 1] ?? 0);
  // In a language that is written from the right, the first pane is the right one.
  const way = () => (root.current && getComputedStyle(root.current).direction === "rtl" ? -1 : 1);

  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const by = { ArrowRight: STEP * way(), ArrowLeft: -STEP * way(), Home: -1, End: 1 }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (by === undefined && event.key !== "Enter") return;
    event.preventDefault();
    if (by === undefined) onEven();
    else onMove(index, by);
  };
  /** @param {PointerEvent & {currentTarget: HTMLElement}} event */
  const onPointerDown = (event) => {
    if (event.button) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = { x: event.clientX, shares };
  };
  /** @param {PointerEvent} event */
  const onPointerMove = (event) => {
    const width = root.current?.clientWidth;
    if (start.current && width) onMove(index, (way() * (event.clientX - start.current.x)) / width, start.current.shares);
  };
  const end = () => {
    start.current = null;
  };

  return html`
    <div
      class="border"
      role="separator"
      tabindex="0"
      aria-orientation="vertical"
      aria-label=${t("Width of {first} and {second}", { first, second })}
      aria-valuenow=${share(both)}
      aria-valuemin="0"
      aria-valuemax="100"
      title=${t("Drag, or press the arrow keys. Enter makes all equal.")}
      onKeyDown=${onKeyDown}
      onPointerDown=${onPointerDown}
      onPointerMove=${onPointerMove}
      onPointerUp=${end}
      onPointerCancel=${end}
      onDblClick=${onEven}
    ></div>
  `;
}
