"""The import map: which file a browser loads for each module that a script imports.

Our modules import each other by relative paths, which a browser resolves to plain static addresses; where static files
carry a hash in their names, the map leads from the one to the other. So modules may be cached for ever, and one page
never mixes two versions of them.
"""

from __future__ import annotations

import functools
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

from config.vendor_files import HIGHLIGHTED

STATIC = Path(__file__).resolve().parent.parent / "static"
ENTRY = "chat/main.js"
TYPES = "chat/types.js"
LIBRARIES = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact/hooks.mjs",
    "htm": "vendor/htm/htm.mjs",
    "markdown-it/browser": "vendor/markdown-it/markdown-it.mjs",
    "dompurify": "vendor/dompurify/purify.es.mjs",
}
"""What scripts import by name, and its static path."""
LAZY = {
    "highlight/core": "vendor/highlight/core.js",
    **{f"highlight/{language}": f"vendor/highlight/{language}.js" for language in HIGHLIGHTED},
    "katex": "vendor/katex/katex.mjs",
}
"""The same, of what is fetched only when a reply needs it."""


def module_paths() -> list[str]:
    """The static paths of our own modules, but for the one that holds only types and is never loaded."""
    paths = (path.relative_to(STATIC).as_posix() for path in STATIC.glob("chat/**/*.js"))
    return sorted(path for path in paths if path != TYPES)


def import_map() -> dict[str, dict[str, str]]:
    """The import map, for JSON."""
    return _import_map() if not settings.DEBUG else _import_map.__wrapped__()


@functools.cache
def _import_map() -> dict[str, dict[str, str]]:
    imports = {name: static(path) for name, path in (LIBRARIES | LAZY).items()}
    for path in module_paths():
        plain, served = f"{settings.STATIC_URL}{path}", static(path)
        if plain != served:
            imports[plain] = served
    return {"imports": imports}


def preloads() -> list[str]:
    """The addresses of what every page needs: who asks for all at once need not discover them level by level."""
    return [static(path) for path in (*LIBRARIES.values(), *module_paths())]
