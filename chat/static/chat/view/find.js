/** Looking for chats by words of their titles, beyond those that are loaded. */
import { useEffect, useState } from "preact/hooks";
import { useApp } from "./context.js";

/** Milliseconds without a key after which the server is asked for titles. */
const PAUSE = 250;

/**
 * Chats that are not loaded yet are looked up by the server, once the typing has paused.
 *
 * @param {string} words
 * @param {boolean} archived
 * @returns {"" | "looking" | "failed"}
 */
export function useFind(words, archived) {
  const { app } = useApp();
  const [finding, setFinding] = useState(/** @type {"" | "looking" | "failed"} */ (""));
  useEffect(() => {
    if (!words) return setFinding("");
    let over = false;
    setFinding("looking");
    const timer = setTimeout(async () => {
      const asked = await app.find(words, archived);
      if (!over) setFinding(asked ? "" : "failed");
    }, PAUSE);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [words, archived]);
  return finding;
}
