"""A line as on a train: slow, late, gone for a while. The page stays usable; nothing is lost, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import (
    Record,
    composer,
    drawn,
    finished,
    new_chat,
    open_page,
    reply,
    said,
    script,
    send,
    start_chat,
    words,
)
from tests.faults.proxy import Proxy
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)
LONG = script(words=200, delay=0.02)


@pytest.fixture
def line(server: ServerProcess) -> Iterator[Proxy]:
    """A fifth of a second each way, half a megabit: what phones have between two stations."""
    with Proxy(server.port) as proxy:
        proxy.delay, proxy.rate = 0.2, 60_000
        yield proxy


@pytest.fixture
def record(page: Page, line: Proxy) -> Record:
    """The page, come over that line."""
    record = Record(page)
    open_page(page, f"http://127.0.0.1:{line.port}/")
    return record


def test_over_a_slow_line_replies_stream_while_one_goes_on_in_another_chat(page: Page, record: Record) -> None:
    start_chat(page, LONG)
    expect(reply(page)).to_contain_text("word2 ")
    expect(reply(page)).to_have_attribute("data-status", "streaming")
    expect(page.locator(".banner")).to_have_count(0)
    first = page.url
    new_chat(page)
    assert composer(page).input_value() == "", "nothing is waited for"
    send(page, script(text="The second.", delay=0))
    drawn(page)
    assert page.locator(".from-user").count() == 1, "what one says is seen before the server has it"
    finished(page)
    expect(said(page)).to_have_text("The second.")
    page.get_by_role("navigation").get_by_role("link").last.click()
    expect(page).to_have_url(first)
    drawn(page)
    assert "word2 " in reply(page).inner_text(), "what is known is there at once"
    finished(page)
    expect(said(page)).to_have_text(words(1, 200))
    assert record.troubles == []


def test_a_line_that_breaks_is_said_so_and_what_was_missed_comes(page: Page, record: Record, line: Proxy) -> None:
    start_chat(page, LONG)
    expect(reply(page)).to_contain_text("word2 ")
    line.refuse = True
    line.reset()
    expect(page.locator(".banner")).to_contain_text("No connection. Next try")
    new_chat(page)
    send(page, QUICK)
    expect(page.get_by_text("Not sent yet.")).to_be_visible()
    expect(page.locator(".banner")).to_contain_text("What you wrote will be sent")
    line.refuse = False
    finished(page)
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator(".from-user")).to_have_count(1)
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_count(2)
    links.last.click()
    finished(page)
    expect(said(page)).to_have_text(words(1, 200))


def test_a_message_whose_answer_was_lost_on_the_way_is_there_once(
    page: Page, record: Record, line: Proxy, server: ServerProcess
) -> None:
    chat = start_chat(page, QUICK).rsplit("/", 1)[1]
    finished(page)
    elsewhere = page.context.new_page()
    open_page(elsewhere, f"{server.url}c/{chat}")
    line.swallow = {"down"}
    send(page, script(text="Once.", delay=0))
    expect(reply(elsewhere)).to_contain_text("Once.")
    expect(page.locator(".from-agent")).to_have_count(1)
    line.swallow = set()
    line.reset()
    expect(reply(page)).to_contain_text("Once.")
    finished(page)
    expect(page.locator(".unsent")).to_have_count(0)
    expect(page.locator(".from-user")).to_have_count(2)
    sent = [frame["client_id"] for frame in record.sent if frame["type"] == "message.send"]
    assert len(sent) == 3, "it was sent again"
    assert len(set(sent)) == 2, "by the same name"
    page.reload()
    expect(page.locator(".from-user")).to_have_count(2)
