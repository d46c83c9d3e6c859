"""axe-core finds nothing, in any state of the page and in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests import TIMEOUT
from tests.e2e.axe import violations
from tests.e2e.pages import composer, finished, open_page, panes, reply, said, script, send, start_chat
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)
ENDLESS = script(words=12, delay=0, hang_after=8, reasoning="Let me think.", tool="search")

Theme = Literal["light", "dark"]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile in each theme."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme=request.param)
    context.set_default_timeout(1000 * TIMEOUT)
    yield context
    context.close()


def test_empty_streaming_ended_and_side_by_side(themed: BrowserContext, server: ServerProcess) -> None:
    page = themed.new_page()
    open_page(page, server.url)
    expect(page.get_by_text("Your chats will be listed here.")).to_be_visible()
    assert violations(page) == []
    start_chat(page, script(markdown=True, delay=0))
    finished(page)
    reply(page).get_by_role("button", name="Details").click()
    assert violations(page) == []
    send(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    assert violations(page) == []
    page.get_by_role("button", name="New chat").click()
    send(page, script(words=5, delay=0, end_early_after=2))
    finished(page, "interrupted")
    page.get_by_role("navigation").get_by_role("listitem").last.hover()
    page.get_by_role("button", name="Open beside").click()
    expect(panes(page)).to_have_count(2)
    assert violations(page) == []


def test_menus_dialogs_and_what_is_changed_in_place(themed: BrowserContext, server: ServerProcess) -> None:
    page = themed.new_page()
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    page.get_by_role("button", name="Actions for this chat").click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("menuitem", name="Pin", exact=True).click()
    expect(page.get_by_role("img", name="Pinned")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Control+k")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("heading", level=2).dblclick()
    expect(page.get_by_label("Name of this chat")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    composer(page).press("ArrowUp")
    expect(page.get_by_label("Edit your message")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    said(page).locator("p").first.select_text()
    expect(page.get_by_role("button", name="Quote", exact=True)).to_be_visible()
    assert violations(page) == []


def test_trouble(themed: BrowserContext, server: ServerProcess) -> None:
    page = themed.new_page()
    open_page(page, f"{server.url}c/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("alert").get_by_role("button", name="Close").click()
    start_chat(page, script(words=5, delay=0, fail={"code": "agent_busy", "message": "Too much to do.", "after": 2}))
    finished(page, "failed")
    page.get_by_label("Filter by title").fill("no such thing")
    expect(page.get_by_text("No title holds these words.")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Filter by title").fill("")
    themed.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    send(page, QUICK)
    expect(page.get_by_text("Not sent yet.")).to_be_visible()
    assert violations(page) == []
    themed.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_be_hidden()
    finished(page)
    page.get_by_role("navigation").get_by_role("listitem").hover()
    page.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Archived chats").click()
    expect(page.get_by_text("Nothing is archived.")).to_be_visible()
    assert violations(page) == []


def test_on_a_phone(browser: Browser, server: ServerProcess) -> None:
    phone = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    phone.set_default_timeout(1000 * TIMEOUT)
    page: Page = phone.new_page()
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    assert violations(page) == []
    page.get_by_role("button", name="Chats", exact=True).tap()
    expect(page.get_by_role("complementary", name="Chats")).to_be_visible()
    assert violations(page) == []
    small = """() => [...document.querySelectorAll("main button, main a")]
        .filter((one) => one.checkVisibility({ opacityProperty: true }))
        .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([name]) => name)"""
    assert page.evaluate(small) == []
    phone.close()
