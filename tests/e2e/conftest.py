"""Chromium under Playwright: one browser for a module, and for each test a profile that is as good as new."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import TIMEOUT

VENV = Path(__file__).resolve().parents[2] / ".venv"
FOUND_BY_SETUP = VENV / ".browser"

FLAGS = [
    "--headless=shell",
    "--no-sandbox",  # tests run as root in containers, where Chromium has none
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Nothing but this machine is ever asked for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def node_path() -> str | None:
    """The Node.js that set-up uses. Playwright brings one too, which wants a library that a bare Debian has not."""
    ours = VENV / "bin" / "node"
    return str(ours) if ours.exists() else shutil.which("node")


def chromium_path() -> str:
    """The browser that `scripts/browser` found or installed, else one on the PATH."""
    if FOUND_BY_SETUP.is_file() and Path(found := FOUND_BY_SETUP.read_text().strip()).is_file():
        return found
    found_now = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found_now, "There is no Chromium here; `make test` installs one."
    return found_now


# Playwright's event loop counts as running in this thread for as long as it is there, and no async test could start; so
# the browser lives no longer than a module.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    if node := node_path():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS, timeout=2000 * TIMEOUT)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """Wide enough for chats side by side. It keeps the static files: to read and compile them anew for each test took a
    tenth of what the tests cost."""
    profile = browser.new_context(viewport={"width": 1400, "height": 900})
    profile.set_default_timeout(1000 * TIMEOUT)
    # The first page of a browser reads and compiles everything, beside other files of tests that do the same.
    profile.set_default_navigation_timeout(3000 * TIMEOUT)
    yield profile
    profile.close()


@pytest.fixture
def context(profile: BrowserContext) -> Iterator[BrowserContext]:
    """A profile without pages, cookies, storage or permissions."""
    yield profile
    profile.set_offline(False)
    profile.clear_permissions()
    profile.clear_cookies()
    last = profile.pages[-1] if profile.pages else profile.new_page()
    last.goto("about:blank")
    for page in profile.pages:
        if page != last:
            page.close()
    profile.new_cdp_session(last).send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "local_storage"})
    last.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A blank tab."""
    return context.new_page()
