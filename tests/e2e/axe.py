"""axe-core, which finds what keeps people from using a page. Loaded from node_modules, in tests only."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@cache
def _source() -> str:
    return SOURCE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """What axe finds now, best practices included: one line a rule, with the first places. Empty is good."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    # Transitions would be measured half-way, as contrast that nobody sees for longer than a blink.
    page.evaluate(
        "Promise.all(document.getAnimations().filter((one) => one.playState === 'running' && "
        "one.effect.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {})))"
    )
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['help']}: {[(node['target'], node['failureSummary']) for node in one['nodes'][:3]]}"
        for one in found["violations"]
    ]
