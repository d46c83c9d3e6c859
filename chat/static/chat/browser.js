/** What the page asks of the browser beside drawing: the clipboard, files, where one is, what a storage event says. */

/**
 * Put a text on the clipboard. Where the page came over plain HTTP there is no clipboard for scripts, and the old way is
 * the only one.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it is there
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}

/**
 * Let the browser save a text as a file.
 *
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser has begun by then; kept for ever, the text would stay in memory.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * Whether somebody is at a note, with the pointer or the focus.
 *
 * @param {string} toast
 */
export function held(toast) {
  return document.querySelector(`[data-toast="${toast}"]:is(:hover, :focus-within)`) !== null;
}

/**
 * Hear of what other tabs write and delete under `prefix`.
 *
 * @param {string} prefix
 * @param {(name: string, value: string | null) => void} changed
 */
export function onShelfChange(prefix, changed) {
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(prefix)) changed(key.slice(prefix.length), newValue);
  });
}
