"""Takes the pictures: twelve named states at three widths in both themes, into `var/shots/`; one becomes README's."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.e2e.conftest import FLAGS, chromium_path, node_path
from tests.e2e.pages import open_page
from tests.shots.states import STATES, answering

FOLDER = Path(__file__).resolve().parents[2] / "var" / "shots"
README_PICTURE = FOLDER.parents[1] / "docs" / "page.png"
WIDTHS = {360: 740, 1024: 768, 1600: 1000}
"""Width → height, pixels."""
THEMES = ("light", "dark")


def main() -> None:
    """Take all of them, or those named on the command line."""
    chosen = sys.argv[1:] or list(STATES)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if node := node_path():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    with answering() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        for name in chosen:
            take(browser, server.url, name)
        browser.close()


def take(browser: Browser, url: str, name: str) -> None:
    """One state, made once for each theme and then seen at each width."""
    for theme in THEMES:
        context = new_context(browser, theme)
        page = context.new_page()
        open_page(page, url)
        STATES[name](page, url)
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.screenshot(path=FOLDER / f"{name}-{width}-{theme}.png", animations="disabled")
        context.close()
    if name == "panes":
        shutil.copy(FOLDER / "panes-1600-light.png", README_PICTURE)
    print(name)  # noqa: T201  # it takes minutes


def new_context(browser: Browser, theme: str) -> BrowserContext:
    """A fresh profile at the middle width."""
    context = browser.new_context(
        viewport={"width": 1600, "height": 1000}, color_scheme="dark" if theme == "dark" else "light"
    )
    context.set_default_timeout(30_000)
    return context


if __name__ == "__main__":
    main()
