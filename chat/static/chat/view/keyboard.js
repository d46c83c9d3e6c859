/** Runs shortcuts, wherever the focus is. */
import { useEffect } from "preact/hooks";
import { commandOf } from "../keys.js";
import { inOrder } from "../list.js";
import { isChat, NEW } from "../panes.js";
import { useApp } from "./context.js";

/**
 * @param {{onDialog: (dialog: "palette" | "shortcuts") => void, onList: () => void}} props `onList`: the list of chats is wanted
 */
export function useKeyboard({ onDialog, onList }) {
  const { app, store } = useApp();
  useEffect(() => {
    const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
      const found = commandOf(event, types(event.target));
      if (!found) return;
      event.preventDefault();
      const { panes } = store.state;
      const key = panes.keys[panes.focus] ?? NEW;
      switch (found.command) {
        case "palette":
        case "shortcuts":
          return onDialog(found.command);
        case "new":
          app.show(NEW);
          return focusComposer(app);
        case "filter":
          onList();
          return requestAnimationFrame(() => document.querySelector(/** @type {"input"} */ (".filter input"))?.focus());
        case "stop":
          return isChat(key) && void app.stop(key);
        case "quote":
          return app.quoteSelection();
        case "pane":
          app.focusPane(panes.keys[(found.number ?? 1) - 1] ?? "");
          return focusComposer(app);
        case "next":
        case "previous":
          step(app, key, found.command === "next" ? 1 : -1);
          return focusComposer(app);
      }
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** @param {EventTarget | null} target */
function types(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/**
 * The chat above or below the one in use, as the list shows them.
 *
 * @param {import("../app.js").App} app
 * @param {string} key
 * @param {1 | -1} by
 */
function step(app, key, by) {
  const { state } = app.store;
  const listed = inOrder(Object.values(state.chats), state.chats[key]?.archived ?? false);
  const at = listed.findIndex((chat) => chat.id === key);
  const next = listed[at < 0 ? 0 : at + by];
  if (next) app.show(next.id);
}

/** @param {import("../app.js").App} app */
function focusComposer(app) {
  requestAnimationFrame(() => {
    const { keys, focus } = app.store.state.panes;
    app.composers.get(keys[focus] ?? "")?.focus();
  });
}
