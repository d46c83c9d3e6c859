/**
 * Footnotes and task lists. A footnote's text stays where it was written (models write them at the end), so that a text
 * can be drawn while it grows; `[^1]` becomes a raised number, a name only once it is defined.
 *
 * @typedef {import("markdown-it").MarkdownIt} MarkdownIt
 */

/** @param {MarkdownIt} markdown */
export function footnotes(markdown) {
  markdown.block.ruler.before("reference", "footnote", definition, { alt: ["paragraph", "reference"] });
  markdown.inline.ruler.before("link", "footnote_ref", (state, silent) => {
    const label = /^\[\^([^\s\[\]^]{1,40})\]/.exec(state.src.slice(state.pos, state.posMax))?.[1];
    if (!label) return false;
    if (!/^\d{1,3}$/.test(label) && !state.env.references?.[key(label)]) {
      // While more is coming its definition may be on its way (awaited.js).
      if (!state.env.live) return false;
      state.env.awaits = true;
    }
    if (!silent) state.push("footnote_ref", "sup", 0).content = label;
    state.pos += label.length + 3;
    return true;
  });
  const { escapeHtml } = markdown.utils;
  markdown.renderer.rules.footnote_ref = (tokens, index) => `<sup class="footnote-ref">${escapeHtml(tokens[index]?.content ?? "")}</sup>`;
  markdown.renderer.rules.footnote_open = (tokens, index) =>
    `<div class="footnote"><span class="footnote-label">${escapeHtml(tokens[index]?.content ?? "")}</span> `;
  markdown.renderer.rules.footnote_close = () => "</div>\n";
}

/**
 * @param {import("markdown-it").StateBlock} state
 * @param {number} startLine
 * @param {number} endLine
 * @param {boolean} silent
 */
function definition(state, startLine, endLine, silent) {
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const start = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0);
  const found = /^\[\^([^\s\[\]^]{1,40})\]:[ \t]*/.exec(state.src.slice(start, state.eMarks[startLine]));
  if (!found?.[1]) return false;
  if (silent) return true;
  let next = startLine + 1;
  for (; next < endLine && !state.isEmpty(next); next += 1) {
    const at = (state.bMarks[next] ?? 0) + (state.tShift[next] ?? 0);
    if ((state.sCount[next] ?? 0) < state.blkIndent || state.src.startsWith("[^", at)) break;
  }
  // With the references, since those that a later block brings make earlier ones be drawn again (blocks.js). No label of
  // a link can begin with this bracket.
  state.env.references ??= {};
  state.env.references[key(found[1])] ??= { title: "", href: "" };
  const open = state.push("footnote_open", "div", 1);
  Object.assign(open, { content: found[1], map: [startLine, next], block: true });
  const words = state.push("inline", "", 0);
  const lines = state.getLines(startLine, next, state.blkIndent, false).trim();
  Object.assign(words, { content: lines.slice(found[0].trimEnd().length).trim(), map: [startLine, next], children: [] });
  state.push("footnote_close", "div", -1).block = true;
  state.line = next;
  return true;
}

/** @param {string} label */
function key(label) {
  return `]${label}`;
}

/** @param {MarkdownIt} markdown */
export function tasks(markdown) {
  markdown.core.ruler.after("inline", "tasks", (state) => {
    const { tokens } = state;
    tokens.forEach((token, index) => {
      const item = tokens[index - 2];
      const box = /^\[([ xX])\]\s/.exec(token.content)?.[1];
      const text = token.children?.[0];
      if (token.type !== "inline" || !box || item?.type !== "list_item_open" || text?.type !== "text") return;
      text.content = text.content.slice(4);
      const mark = new state.Token("task", "span", 0);
      mark.content = box;
      token.children?.unshift(mark);
      item.attrSet("class", "task-item");
    });
  });
  // A character rather than an input, which nothing in a reply may be; the style draws a box over it.
  markdown.renderer.rules.task = (tokens, index) =>
    tokens[index]?.content === " " ? '<span class="task-open">☐</span> ' : '<span class="task-done">☑</span> ';
}
