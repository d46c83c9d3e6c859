"""axe-core, which finds what keeps people from using a page. Loaded from node_modules, in tests only."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@cache
def _source() -> str:
    return SOURCE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """What axe finds now in either theme, best practices included: one line a rule, with the first places.

    The page is turned from one theme to the other as a system does it, so that a state need not be reached twice.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        # Transitions would be measured half-way, as contrast that nobody sees for longer than a blink.
        page.evaluate(
            "Promise.all(document.getAnimations().filter((one) => one.playState === 'running' && "
            "one.effect.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {})))"
        )
        # The other theme has other colours, and nothing else.
        which = {"resultTypes": ["violations"]} | ({} if theme == THEMES[0] else {"runOnly": COLOUR_RULES})
        report: dict[str, Any] = page.evaluate("(which) => axe.run(document, which)", which)
        for one in report["violations"]:
            places = [(node["target"], node["failureSummary"]) for node in one["nodes"][:3]]
            found.append(f"{theme}: {one['id']}: {one['help']}: {places}")
    return found
