/**
 * `[words][label]` in a reply that is still being written, before `[label]: address` has come: the words alone. The one
 * who renders says `live` and is told `awaits`, so that it is drawn again at the end, should no definition have come.
 *
 * @param {import("markdown-it").MarkdownIt} markdown
 */
export function awaited(markdown) {
  markdown.inline.ruler.after("link", "awaited", (state, silent) => {
    const { env, src, pos, posMax } = state;
    // Behind a letter it is an index, as in `a[i][j]`.
    if (!env.live || src[pos] !== "[" || /[\p{L}\p{N}]/u.test(src[pos - 1] ?? "")) return false;
    const close = markdown.helpers.parseLinkLabel(state, pos, true);
    const label = close < 0 ? null : /^\[[^[\]^][^[\]]*\]/.exec(src.slice(close + 1, posMax))?.[0];
    if (!label) return false;
    env.awaits = true;
    if (!silent) {
      state.pos = pos + 1;
      state.posMax = close;
      state.md.inline.tokenize(state);
    }
    state.pos = close + 1 + label.length;
    state.posMax = posMax;
    return true;
  });
}
