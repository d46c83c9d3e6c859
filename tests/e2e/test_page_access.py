"""axe-core finds nothing, in any state of the page and in both themes; and no state complains or asks elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests import TIMEOUT
from tests.e2e.axe import violations
from tests.e2e.pages import (
    Record,
    composer,
    finished,
    new_chat,
    open_page,
    panes,
    reply,
    said,
    script,
    send,
    start_chat,
)
from tests.server import ServerProcess
from tests.shots.states import STATES, answering

QUICK = script(text="Yes.", delay=0)
ENDLESS = script(words=12, delay=0, hang_after=8, reasoning="Let me think.", tool="search")
LONG = script(
    text=f"{'Donaudampfschifffahrt' * 20}\n\n`{'code' * 90}`\n\n"
    f"| {' | '.join(f'column {n}' for n in range(24))} |\n"
    f"|{'---|' * 24}\n| {' | '.join('cell' * 4 for _ in range(24))} |\n\n"
    f"```\n{'x' * 400}\n```\n\n{'Much text. ' * 300}",
    delay=0,
)


@pytest.fixture(scope="module")
def pictured() -> Iterator[ServerProcess]:
    """The server that the pictures are taken on."""
    with answering() as process:
        yield process


@pytest.fixture
def record(page: Page, pictured: ServerProcess, server: ServerProcess) -> Iterator[Record]:
    """At the end nothing was complained about, and nothing was asked of anyone but these servers."""
    record = Record(page)
    yield record
    assert record.troubles == []
    assert [url for url in record.requests if not url.startswith((pictured.url, server.url))] == []


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_is_pictured(page: Page, record: Record, pictured: ServerProcess, name: str) -> None:
    open_page(page, pictured.url)
    STATES[name](page, pictured.url)
    assert violations(page) == []


def welcome(page: Page, url: str) -> None:
    page.goto(f"{url}accounts/login/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def thinking(page: Page, url: str) -> None:
    start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    for aside in page.locator(".aside summary").all():
        aside.click()


def details(page: Page, url: str) -> None:
    start_chat(page, script(markdown=True, delay=0))
    finished(page)
    reply(page).get_by_role("button", name="Details").click()
    expect(page.locator(".details")).to_be_visible()


def stopped(page: Page, url: str) -> None:
    thinking(page, url)
    page.get_by_role("button", name="Stop").click()
    finished(page, "stopped")


def failed(page: Page, url: str) -> None:
    start_chat(page, script(words=5, delay=0, fail={"code": "agent_busy", "message": "Too much to do.", "after": 2}))
    finished(page, "failed")


def branches(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    reply(page).get_by_role("button", name="Ask for another reply").click()
    expect(reply(page).locator(".branches")).to_have_text("2 / 2")
    finished(page)


def long(page: Page, url: str) -> None:
    start_chat(page, LONG)
    finished(page)
    page.get_by_role("region", name="Messages").evaluate("element => element.scrollTo(0, 0)")
    expect(page.get_by_role("button", name="Newest")).to_be_visible()


def menu(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    page.get_by_role("button", name="Actions for this chat").click()
    expect(page.get_by_role("menu")).to_be_visible()


def pinned(page: Page, url: str) -> None:
    menu(page, url)
    page.get_by_role("menuitem", name="Pin", exact=True).click()
    expect(page.get_by_role("img", name="Pinned")).to_be_visible()


def menu_of_the_list(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    page.get_by_role("navigation").get_by_role("listitem").hover()
    page.get_by_role("button", name="More for").click()
    expect(page.get_by_role("menu")).to_be_visible()


def shortcuts(page: Page, url: str) -> None:
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def renaming(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    page.get_by_role("heading", level=2).dblclick()
    expect(page.get_by_label("Name of this chat")).to_be_visible()


def editing(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    composer(page).press("ArrowUp")
    expect(page.get_by_label("Edit your message")).to_be_visible()


def quoting(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    said(page).locator("p").first.select_text()
    expect(page.get_by_role("button", name="Quote", exact=True)).to_be_visible()


def a_link_asked(page: Page, url: str) -> None:
    start_chat(page, script(text="Read [the manual](https://docs.example/a).", delay=0))
    finished(page)
    reply(page).get_by_role("link", name="the manual").click()
    expect(reply(page).get_by_role("group", name="Where this link leads")).to_be_visible()


def loading(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)

    def mute(ws: WebSocketRoute) -> None:
        upstream = ws.connect_to_server()
        upstream.on_message(lambda data: None if '"chat.snapshot"' in str(data) else ws.send(data))

    page.route_web_socket("**/ws/", mute)
    page.reload()
    expect(page.get_by_role("main").get_by_role("img", name="Loading")).to_be_visible()


def reconnecting(page: Page, url: str) -> None:
    page.route_web_socket("**/ws/", lambda ws: ws.close(code=4503))
    page.reload()
    expect(page.get_by_text("No connection.")).to_be_visible()


def too_old(page: Page, url: str) -> None:
    def newer(ws: WebSocketRoute) -> None:
        upstream = ws.connect_to_server()
        upstream.on_message(lambda data: ws.send(str(data).replace('"protocol":1', '"protocol":2')))

    page.route_web_socket("**/ws/", newer)
    page.reload()
    expect(page.get_by_role("alert").get_by_role("button", name="Reload")).to_be_visible()


def not_here(page: Page, url: str) -> None:
    open_page(page, f"{url}c/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("alert")).to_be_visible()


def no_such_title(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    page.get_by_label("Filter by title").fill("no such thing")
    expect(page.get_by_text("No title holds these words.")).to_be_visible()


def unsent(page: Page, url: str) -> None:
    start_chat(page, QUICK)
    finished(page)
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    send(page, QUICK)
    expect(page.get_by_text("Not sent yet.")).to_be_visible()


def deleted(page: Page, url: str) -> None:
    menu_of_the_list(page, url)
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def archived(page: Page, url: str) -> None:
    page.get_by_role("button", name="Archived chats").click()
    expect(page.get_by_text("Nothing is archived.")).to_be_visible()


def unread(page: Page, url: str) -> None:
    # Six seconds, so that it is left before its end on a slow machine too.
    start_chat(page, script(words=200, delay=0.03))
    expect(reply(page)).to_contain_text("word2 ")
    new_chat(page)
    expect(page.get_by_role("navigation").get_by_role("img", name="A new reply")).to_be_visible()


def beside_and_streaming(page: Page, url: str) -> None:
    stopped(page, url)
    new_chat(page)
    start_chat(page, ENDLESS)
    page.get_by_role("navigation").get_by_role("listitem").last.hover()
    page.get_by_role("button", name="Open beside").click()
    expect(panes(page)).to_have_count(2)


def folded_and_without_room(page: Page, url: str) -> None:
    beside_and_streaming(page, url)
    page.get_by_role("button", name="Close the list").click()
    page.set_viewport_size({"width": 900, "height": 800})
    expect(page.get_by_role("button", name="One more chat is open")).to_be_visible()
    expect(page.get_by_role("complementary", name="Chats")).to_be_hidden()


def in_korean(page: Page, url: str) -> None:
    page.context.add_cookies([{"name": "language", "value": "ko", "url": url}])
    page.reload()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()


OTHERS: list[Callable[[Page, str], None]] = [
    *(welcome, thinking, details, stopped, failed, branches, long, menu, pinned, menu_of_the_list, shortcuts, renaming),
    *(editing, quoting, a_link_asked, loading, reconnecting, too_old, not_here, no_such_title, unsent, deleted),
    *(archived, unread, beside_and_streaming, folded_and_without_room, in_korean),
]


@pytest.mark.parametrize("state", OTHERS, ids=lambda state: state.__name__)
def test_another_state(page: Page, record: Record, server: ServerProcess, state: Callable[[Page, str], None]) -> None:
    open_page(page, server.url)
    state(page, server.url)
    assert violations(page) == []


def test_on_a_phone(browser: Browser, server: ServerProcess) -> None:
    phone = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    phone.set_default_timeout(1000 * TIMEOUT)
    page: Page = phone.new_page()
    open_page(page, server.url)
    composer(page).fill("One line")
    composer(page).press("Enter")
    composer(page).press_sequentially("another")
    expect(composer(page)).to_have_value("One line\nanother")
    composer(page).fill(QUICK)
    page.get_by_role("button", name="Send").tap()
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
    sizes = "[...document.querySelectorAll('input, select, textarea')].map((one) => getComputedStyle(one).fontSize)"
    assert set(page.evaluate(sizes)) == {"16px"}, "a phone zooms in on smaller ones"
    phone.close()
