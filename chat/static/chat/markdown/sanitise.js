/** The last gate before the document: whatever the parser let through, only this small list of elements comes in. */
import DOMPurify from "dompurify";

const TAGS =
  "p br hr h4 strong em s sup code pre blockquote ul ol li a table thead tbody tr th td div span".split(" ");
const CLASSES =
  /^(language-[\w+#.-]{1,40}|align-(left|center|right)|level-[1-6]|math( math-display)?|task-(item|open|done)|footnote(-ref|-label)?|hljs-[\w-]+( [a-z]+_)*)$/;

// One instance of our own, so that its hooks meet nobody else's.
const purifier = DOMPurify(window);

purifier.addHook("uponSanitizeAttribute", (_node, attribute) => {
  if (attribute.attrName === "class" && !CLASSES.test(attribute.attrValue)) attribute.keepAttr = false;
});
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("rel", "noopener noreferrer");
  node.setAttribute("target", "_blank");
});

/**
 * A reply's HTML as nodes that are safe to put into the document.
 *
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function sanitise(html) {
  return purifier.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "title", "class", "start"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_NAMESPACES: ["http://www.w3.org/1999/xhtml"],
    RETURN_DOM_FRAGMENT: true,
  });
}
