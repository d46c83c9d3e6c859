/** A piece of Markdown without its marks, for a line that only hints at what is being written. */

/**
 * The words of `source`, on one line. It may begin and end in the middle of something.
 *
 * @param {string} source
 */
export function plainWords(source) {
  return source
    .replace(/^[ \t]*(?:`{3,}|~{3,}).*$/gm, "")
    .replace(/^[ \t]*[|:\-=\s]{3,}$/gm, "")
    .replace(/!?\[([^\]]*)\](?:\([^)\s]*(?:\s[^)]*)?(?:\)|$)|\[[^\]]*(?:\]|$))/g, "$1")
    .replace(/!?\[(?=[^\]]*$)/g, "")
    .replace(/^[ \t]*(?:(?:>|#{1,6}|[-*+]|\d{1,9}[.)])(?:[ \t]+|$)|\[[ xX]\][ \t])+/gm, "")
    .replace(/\\([^\p{L}\p{N}\s])|`+|~~|\||(?<!\d)\*+(?=\S)|(?<=\S)\*+(?!\d)|\*+$|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, "$1")
    .replace(/\s+/g, " ")
    .trim();
}
