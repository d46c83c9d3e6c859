/** Following the end of a growing list until the reader scrolls up, and keeping their place when older messages come. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Pixels from the end that still count as the end: fractions and rounding. */
const AT_END = 8;

/**
 * @param {{current: HTMLElement | null}} scroller
 * @param {{current: HTMLElement | null}} content
 * @param {string | undefined} first which message is the first: another one means that older ones were put before it
 * @param {number} own how many own messages are on their way: another one is a reason to go to the end
 */
export function useFollowEnd(scroller, content, first, own) {
  const [away, setAway] = useState(false);
  // `top` and `height` as they were when last looked at.
  const place = useRef({ following: true, top: 0, height: 0, first, own });

  const toEnd = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    place.current.following = true;
    element.scrollTop = element.scrollHeight;
    place.current.top = element.scrollTop;
    setAway(false);
  }, []);

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const now = place.current;
    const left = element.scrollHeight - element.clientHeight - element.scrollTop;
    // Upwards is the reader's doing as long as the list has not become shorter; growth alone never moves it up.
    if (left <= AT_END) now.following = true;
    else if (element.scrollTop < now.top && element.scrollHeight >= now.height) now.following = false;
    now.top = element.scrollTop;
    now.height = element.scrollHeight;
    setAway(!now.following);
  }, []);

  useEffect(() => {
    if (!content.current || !scroller.current) return;
    const observer = new ResizeObserver(() => {
      if (place.current.following) toEnd();
      else setAway(true);
    });
    observer.observe(content.current);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = scroller.current;
    const now = place.current;
    if (!element) return;
    if (own > now.own) toEnd();
    else if (first !== now.first && now.first && !now.following) {
      element.scrollTop += element.scrollHeight - now.height;
      now.top = element.scrollTop;
    }
    now.first = first;
    now.own = own;
    now.height = element.scrollHeight;
  });

  return { away, toEnd, onScroll };
}
