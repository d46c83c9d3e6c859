/** The focus is never lost: where the element that had it goes, the nearest sensible one gets it. */
import { useEffect } from "preact/hooks";

/** @param {(lostIn: HTMLElement | null) => void} home puts the focus into the pane in use; `lostIn`: a scroller */
export function useFocusKept(home) {
  useEffect(() => {
    /** @type {{element: Element, index: number, scroller: HTMLElement | null} | null} */
    let last = null;
    const remember = (/** @type {FocusEvent} */ event) => {
      const element = /** @type {Element} */ (event.target);
      const item = element.closest(".chat-list li");
      const scroller = element.closest(/** @type {"div"} */ (".scroller"));
      last = { element, index: item ? [...(item.parentElement?.children ?? [])].indexOf(item) : -1, scroller };
    };
    const look = () => {
      if (!last || document.activeElement !== document.body || isThere(last.element)) return;
      const { index, scroller } = last;
      last = null;
      const links = document.querySelectorAll(/** @type {"a"} */ (".chat-list li a"));
      const next = index < 0 ? null : (links[Math.min(index, links.length - 1)] ?? document.querySelector(/** @type {"button"} */ (".new-chat")));
      if (next) next.focus();
      else home(scroller);
    };
    // A person who clicks beside everything gives the focus up on purpose.
    const giveUp = (/** @type {PointerEvent} */ event) => {
      if (event.target instanceof Element && !event.target.closest("a, button, input, textarea, select, summary, [tabindex]")) last = null;
    };
    let looking = false;
    const observer = new MutationObserver(() => {
      if (looking) return;
      looking = true;
      requestAnimationFrame(() => {
        looking = false;
        look();
      });
    });
    observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "inert"] });
    document.addEventListener("focusin", remember);
    document.addEventListener("pointerdown", giveUp);
    return () => {
      observer.disconnect();
      document.removeEventListener("focusin", remember);
      document.removeEventListener("pointerdown", giveUp);
    };
  }, []);
}

/** @param {Element} element */
function isThere(element) {
  return element.isConnected && !element.matches(":disabled") && !element.closest("[inert]");
}
