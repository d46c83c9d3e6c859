/** What the window allows. */
import { useEffect, useState } from "preact/hooks";

/** Widths in pixels: with two, and with three panes beside the list of chats, each keeps at least about 360. */
const TWO_PANES = "(min-width: 1000px)";
const THREE_PANES = "(min-width: 1400px)";
const NARROW = "(max-width: 719px)";

/** How many panes fit side by side just now. */
export function roomNow() {
  return matchMedia(THREE_PANES).matches ? 3 : matchMedia(TWO_PANES).matches ? 2 : 1;
}

/** @param {string} query */
function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setMatches(list.matches);
    changed();
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return matches;
}

/** How many panes fit side by side. */
export function useRoom() {
  const two = useMedia(TWO_PANES);
  const three = useMedia(THREE_PANES);
  return three ? 3 : two ? 2 : 1;
}

/** Whether one types on the screen: that keyboard has no Shift+Enter, so Enter breaks the line and the button sends. */
export function touchNow() {
  return matchMedia("(pointer: coarse) and (hover: none)").matches;
}

/** Whether the list of chats lies over the page instead of beside it just now. */
export function narrowNow() {
  return matchMedia(NARROW).matches;
}

/** Whether the list of chats lies over the page instead of beside it. */
export function useNarrow() {
  return useMedia(NARROW);
}
