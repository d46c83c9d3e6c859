"""The icons: shapes of Lucide, written into the page once and drawn from there by name (static/chat/view/icon.js)."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from django.conf import settings

ICONS = (  # noqa: SIM905
    "archive archive-restore arrow-down arrow-up chevron-left chevron-right copy download ellipsis globe info "
    "keyboard layers log-out menu message-square panel-left pencil pin pin-off play plus quote rotate-cw search "
    "square square-pen square-split-horizontal sun-moon trash triangle-alert wifi-off x"
).split()
"""Lucide's names of the few that the page draws."""


@functools.cache
def symbols() -> dict[str, str]:
    """`{name: SVG elements on a grid of 24}`.

    They go into the page and not into a file of their own, which would be fetched once the first icon is drawn, and
    from which a browser draws each new one a moment late. Raises FileNotFoundError before `make setup`.
    """
    package = Path(settings.BASE_DIR) / "node_modules" / "@iconify-json" / "lucide" / "icons.json"
    shapes = json.loads(package.read_text("utf-8"))["icons"]
    return {name: shapes[name]["body"] for name in ICONS}
