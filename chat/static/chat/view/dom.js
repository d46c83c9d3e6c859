/** Elements made by hand, inside what Markdown became. */

/**
 * @param {string} label
 * @param {() => void} act
 */
export function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "small-button";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}
