/**
 * What a reader has selected stays selected while the text around it is drawn anew: each end of the selection is kept as
 * a place in the text, and found again in what replaces it.
 */

/**
 * Remember what is selected in `root`, before that is drawn anew; what is returned selects it again afterwards. Also an
 * empty selection, since a pointer that was just pressed is where one begins.
 *
 * @param {Element} root
 * @returns {() => void}
 */
export function selectionIn(root) {
  const selection = document.getSelection();
  const anchor = endIn(root, selection?.anchorNode, selection?.anchorOffset);
  const focus = endIn(root, selection?.focusNode, selection?.focusOffset);
  if (!selection || !anchor || !focus || (anchor.place === null && focus.place === null)) return () => {};
  return () => {
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    if (anchorNode === anchor.node && anchorOffset === anchor.offset && focusNode === focus.node && focusOffset === focus.offset) return;
    selection.setBaseAndExtent(...found(root, anchor), ...found(root, focus));
  };
}

/**
 * @typedef {{node: Node, offset: number, place: number | null}} End   `place`: characters before it; null: not in there
 *
 * @param {Element} root
 * @param {Node | null | undefined} node
 * @param {number} [offset]
 * @returns {End | null}
 */
function endIn(root, node, offset = 0) {
  return node ? { node, offset, place: placeOf(root, node, offset) } : null;
}

/**
 * @param {Element} root
 * @param {End} end
 * @returns {[Node, number]}
 */
function found(root, { node, offset, place }) {
  return place === null ? [node, offset] : find(root, place);
}

/**
 * How many characters of the text of `root` come before a place; null for one outside.
 *
 * @param {Element} root
 * @param {Node} node
 * @param {number} offset   as a range has it: of a text in characters, else in children
 */
function placeOf(root, node, offset) {
  if (!root.contains(node)) return null;
  const before = document.createRange();
  before.setStart(root, 0);
  before.setEnd(node, offset);
  let place = 0;
  for (const text of texts(root)) {
    if (text === node) return place + offset;
    if (before.comparePoint(text, 0) > 0) break;
    place += text.data.length;
  }
  return place;
}

/**
 * @param {Element} root
 * @param {number} place
 * @returns {[Node, number]}
 */
function find(root, place) {
  /** @type {Text | null} */
  let last = null;
  for (const text of texts(root)) {
    if (place <= text.data.length) return [text, place];
    place -= text.data.length;
    last = text;
  }
  return last ? [last, last.data.length] : [root, 0];
}

/**
 * The texts of `root` without the words of buttons and heads, which come only when a block is finished.
 *
 * @param {Element} root
 */
function* texts(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) => {
    if (node instanceof Text) return NodeFilter.FILTER_ACCEPT;
    return node instanceof Element && node.matches(".code-head") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
  });
  while (walker.nextNode()) yield /** @type {Text} */ (walker.currentNode);
}
