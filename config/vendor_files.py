"""Which files of `node_modules` are served, and under which name: the path below /static/vendor/ → the file.

Nothing else in there is. A map keeps the name that its script gives it in the last line.
"""

from __future__ import annotations

HIGHLIGHTED = (  # noqa: SIM905  # one string of names is read at a glance
    "bash c cpp csharp css diff dockerfile go graphql ini java javascript json kotlin lua makefile markdown php "
    "powershell python r ruby rust scala scss sql swift typescript xml yaml"
).split()
"""Languages whose code is coloured; chat/static/chat/markdown/highlight.js knows what else they are called."""

_FONTS = (  # noqa: SIM905
    "AMS-Regular Caligraphic-Bold Caligraphic-Regular Fraktur-Bold Fraktur-Regular Main-Bold Main-BoldItalic "
    "Main-Italic Main-Regular Math-BoldItalic Math-Italic SansSerif-Bold SansSerif-Italic SansSerif-Regular "
    "Script-Regular Size1-Regular Size2-Regular Size3-Regular Size4-Regular Typewriter-Regular"
).split()

VENDOR_FILES = {
    "preact/preact.mjs": "preact/dist/preact.mjs",
    "preact/preact.mjs.map": "preact/dist/preact.mjs.map",
    "preact/hooks.mjs": "preact/hooks/dist/hooks.mjs",
    "preact/hooks.mjs.map": "preact/hooks/dist/hooks.mjs.map",
    "htm/htm.mjs": "htm/dist/htm.mjs",
    "dompurify/purify.es.mjs": "dompurify/dist/purify.es.mjs",
    "dompurify/purify.es.mjs.map": "dompurify/dist/purify.es.mjs.map",
    "markdown-it/markdown-it.mjs": "markdown-it/dist/browser/markdown-it.esm.min.mjs",
    "markdown-it/markdown-it.esm.min.mjs.map": "markdown-it/dist/browser/markdown-it.esm.min.mjs.map",
    "highlight/core.js": "@highlightjs/cdn-assets/es/core.min.js",
    **{f"highlight/{name}.js": f"@highlightjs/cdn-assets/es/languages/{name}.min.js" for name in HIGHLIGHTED},
    "katex/katex.mjs": "katex/dist/katex.mjs",
    "katex/katex.css": "katex/dist/katex.min.css",
    # The style sheet names three forms of each; a browser fetches one.
    **{
        f"katex/fonts/KaTeX_{font}.{form}": f"katex/dist/fonts/KaTeX_{font}.{form}"
        for font in _FONTS
        for form in ("woff2", "woff", "ttf")
    },
    # The build without the two largest kinds of diagram: one file, and no packages under it.
    "mermaid/mermaid.js": "@mermaid-js/tiny/dist/mermaid.tiny.js",
}
