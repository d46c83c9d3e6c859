"""What tests of the page do and look at, in a person's words. Every wait is for a condition."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests import TIMEOUT

MS = 1000 * TIMEOUT
expect.set_options(timeout=MS)


def script(**fields: Any) -> str:
    """A message that tells the scripted agent what to say."""
    return f"/script {json.dumps(fields)}"


def words(first: int, last: int) -> str:
    """Part of what `script(words=…)` says."""
    return " ".join(f"word{number}" for number in range(first, last + 1))


def panes(page: Page) -> Locator:
    return page.locator("[data-pane]")


def composer(where: Page | Locator) -> Locator:
    return where.get_by_label("Message", exact=True)


def reply(where: Page | Locator) -> Locator:
    """The newest reply of a pane."""
    return where.locator(".from-agent").last


def said(where: Page | Locator) -> Locator:
    """The text of the newest reply."""
    return reply(where).locator(".text")


def new_chat(page: Page) -> None:
    """Ask for a new chat, and wait until its composer is what `composer` finds: until then it is the last chat's."""
    page.get_by_role("button", name="New chat").click()
    drawn(page)


def send(where: Page | Locator, text: str) -> None:
    composer(where).fill(text)
    composer(where).press("Enter")


def open_page(page: Page, url: str) -> None:
    """Go there and wait until the page has its connection."""
    with page.expect_websocket(predicate=lambda socket: "/ws/" in socket.url, timeout=3 * MS) as opening:
        page.goto(url)
    if not opening.value.is_closed():
        expect(composer(page).first).to_be_visible()


def start_chat(page: Page, text: str) -> str:
    """Send the first message of a new chat from the only pane; returns the chat's address once it has one."""
    # Who has just clicked "New chat" sees it with the next frame, and no hand is quicker.
    expect(panes(page)).to_have_attribute("data-pane", "new")
    send(page, text)
    page.wait_for_url("**/c/*")
    return page.url


def finished(where: Page | Locator, status: str = "complete") -> None:
    expect(reply(where)).to_have_attribute("data-status", status)


def drawn(page: Page) -> None:
    """Wait until what the page knows by now is on the screen: the frame after the next one."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


class Record:
    """Everything that a page asked for or complained about, and the frames it got."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.failures: dict[str, str] = {}
        self.troubles: list[str] = []
        self.dialogs: list[str] = []
        self.frames: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.failures.update({request.url: request.failure or ""}))
        page.on("console", lambda message: self.troubles.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("websocket", self._websocket)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _websocket(self, socket: Any) -> None:
        socket.on("framereceived", lambda data: self.frames.append(json.loads(data)))
        socket.on("framesent", lambda data: self.sent.append(json.loads(data)))
