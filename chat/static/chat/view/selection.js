/**
 * What a reader has selected stays selected while the text around it is drawn anew: each end of the selection is kept as
 * a place in the text, and found again in what replaces it.
 */

/**
 * Remember what is selected in an element and those that follow it, before they are drawn anew; what is returned selects
 * it again afterwards. Also an empty selection, since a pointer that was just pressed is where one begins.
 *
 * @param {Element} first   it stays; what is in it, and what follows, may change
 * @returns {() => void}
 */
export function selectionFrom(first) {
  const selection = document.getSelection();
  const anchor = endOf(first, selection?.anchorNode, selection?.anchorOffset);
  const focus = endOf(first, selection?.focusNode, selection?.focusOffset);
  if (!selection || !anchor || !focus || (anchor.place === null && focus.place === null)) return () => {};
  return () => {
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    if (anchorNode === anchor.node && anchorOffset === anchor.offset && focusNode === focus.node && focusOffset === focus.offset) return;
    selection.setBaseAndExtent(...found(first, anchor), ...found(first, focus));
  };
}

/**
 * @typedef {{node: Node, offset: number, place: number | null}} End   `place`: characters before it; null: it is elsewhere
 *
 * @param {Element} first
 * @param {Node | null | undefined} node
 * @param {number} [offset]
 * @returns {End | null}
 */
function endOf(first, node, offset = 0) {
  return node ? { node, offset, place: placeOf(first, node, offset) } : null;
}

/**
 * @param {Element} first
 * @param {Node} node
 * @param {number} offset   as a range has it: of a text in characters, else in children
 */
function placeOf(first, node, offset) {
  const before = Boolean(first.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_PRECEDING);
  if (before || !first.parentNode?.contains(node)) return null;
  const range = document.createRange();
  range.setStart(first, 0);
  range.setEnd(node, offset);
  let place = 0;
  for (const text of texts(first)) {
    if (text === node) return place + offset;
    if (!(node instanceof Text) && range.comparePoint(text, 0) > 0) break;
    place += text.data.length;
  }
  return place;
}

/**
 * @param {Element} first
 * @param {End} end
 * @returns {[Node, number]}
 */
function found(first, { node, offset, place }) {
  if (place === null) return [node, offset];
  /** @type {Text | null} */
  let last = null;
  for (const text of texts(first)) {
    if (place <= text.data.length) return [text, place];
    place -= text.data.length;
    last = text;
  }
  return last ? [last, last.data.length] : [first, 0];
}

/**
 * The texts from an element on, without the words of buttons and heads, which come only when a block is finished.
 *
 * @param {Element} first
 */
function* texts(first) {
  for (let element = /** @type {Element | null} */ (first); element; element = element.nextElementSibling) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) => {
      if (node instanceof Text) return NodeFilter.FILTER_ACCEPT;
      return node instanceof Element && node.matches(".code-head") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
    });
    while (walker.nextNode()) yield /** @type {Text} */ (walker.currentNode);
  }
}
