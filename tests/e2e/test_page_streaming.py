"""Many chats that stream at once, seen by a person in a browser."""

from __future__ import annotations

import itertools
import re

from playwright.sync_api import BrowserContext, Page, expect

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
    words,
)
from tests.server import ServerProcess

SLOW = script(words=200, delay=0.03)
"""Six seconds: long enough to do something meanwhile, whatever the machine."""
ENDLESS = script(words=12, delay=0.01, hang_after=8)
SHORT = script(words=5, delay=0.01)


def test_a_first_message_makes_a_chat_and_its_reply_streams(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    start_chat(page, SLOW)
    expect(reply(page)).to_contain_text("word2 ")
    expect(reply(page)).to_have_attribute("data-status", "streaming")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    finished(page)
    expect(said(page)).to_have_text(words(1, 200))
    expect(page.get_by_role("navigation").get_by_role("listitem")).to_have_count(1)
    assert record.troubles == []


def test_frames_of_two_chats_interleave_and_the_second_opens_before_the_first_ends(
    page: Page, server: ServerProcess
) -> None:
    record = Record(page)
    open_page(page, server.url)
    first = start_chat(page, SLOW).rsplit("/", 1)[1]
    expect(reply(page)).to_contain_text("word2 ")
    new_chat(page)
    second = start_chat(page, SLOW).rsplit("/", 1)[1]
    expect(reply(page)).to_contain_text("word2 ")

    page.get_by_role("navigation").get_by_role("listitem").last.hover()
    page.get_by_role("button", name="Open beside").click()
    expect(panes(page)).to_have_count(2)
    for pane in panes(page).all():
        finished(pane)
        expect(said(pane)).to_have_text(words(1, 200))

    streamed = [frame["chat"] for frame in record.frames if frame["type"] == "run.events"]
    turns = sum(before != after for before, after in itertools.pairwise(streamed))
    end_of_first = len(streamed) - 1 - streamed[::-1].index(first)
    assert set(streamed) == {first, second}
    assert turns > 10, "the two chats take turns"
    assert streamed.index(second) < end_of_first, "the second began before the first ended"
    assert record.troubles == []


def test_three_chats_stand_side_by_side_and_a_reload_restores_them(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 1600, "height": 900})
    open_page(page, server.url)
    ids = []
    for number in range(3):
        if number:
            new_chat(page)
        ids.append(start_chat(page, script(text=f"Answer {number}.", delay=0)).rsplit("/", 1)[1])
        finished(page)
    open_page(page, f"{server.url}c/{'+'.join(ids)}")
    for number, pane in enumerate(panes(page).all()):
        expect(reply(pane)).to_contain_text(f"Answer {number}.")
    page.reload()
    expect(panes(page)).to_have_count(3)
    for number in range(3):
        expect(reply(panes(page).nth(number))).to_contain_text(f"Answer {number}.")
    page.set_viewport_size({"width": 700, "height": 900})
    expect(panes(page)).to_have_count(1)


def test_chats_for_which_there_is_no_room_are_counted_and_one_click_away(page: Page, server: ServerProcess) -> None:
    page.set_viewport_size({"width": 1100, "height": 800})
    open_page(page, server.url)
    chats = [start_chat(page, ENDLESS).rsplit("/", 1)[1]]
    expect(reply(page)).to_contain_text("word8")
    for _ in range(2):
        new_chat(page)
        chats.append(start_chat(page, SHORT).rsplit("/", 1)[1])
        finished(page)
    streaming, *others = chats
    open_page(page, f"{server.url}c/{'+'.join([*others, streaming])}")
    expect(panes(page)).to_have_count(2)
    expect(page.locator(".chat-item.shown")).to_have_count(2)
    more = page.get_by_role("button", name="One more chat is open")
    expect(more).to_have_accessible_name(re.compile("A reply is being written$"))
    more.click()
    expect(panes(page).last).to_have_attribute("data-pane", streaming)
    expect(panes(page).last.get_by_role("img", name="A reply is being written")).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    expect(panes(page)).to_have_count(1)
    page.get_by_role("button", name="2 more chats are open").click()
    expect(panes(page)).to_have_attribute("data-pane", others[0])
    expect(page.get_by_role("button", name="Chats", exact=True)).to_be_visible()
    panes(page).get_by_role("button", name="Close").click()
    expect(panes(page)).to_have_attribute("data-pane", others[1])
    open_page(page, f"{server.url}c/{others[0]}")
    page.get_by_role("button", name="Chats: a reply is being written").click()
    expect(page.get_by_role("complementary", name="Chats")).to_be_visible()


def test_a_reload_in_the_middle_of_a_reply_goes_on(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, SLOW)
    expect(reply(page)).to_contain_text("word2 ")
    page.reload()
    expect(reply(page)).to_contain_text("word2 ")
    expect(reply(page)).to_have_attribute("data-status", "streaming")
    finished(page)
    expect(said(page)).to_have_text(words(1, 200))


def test_a_reply_goes_on_without_a_tab_and_is_there_when_one_comes_back(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = context.new_page()
    open_page(page, server.url)
    url = start_chat(page, script(words=100, delay=0.01))
    expect(reply(page)).to_contain_text("word2 ")
    page.close()
    back = context.new_page()
    open_page(back, url)
    finished(back)
    expect(said(back)).to_have_text(words(1, 100))


def test_two_tabs_of_one_chat_both_move(context: BrowserContext, server: ServerProcess) -> None:
    one, two = context.new_page(), context.new_page()
    open_page(one, server.url)
    url = start_chat(one, SHORT)
    finished(one)
    open_page(two, url)
    send(two, SLOW)
    for tab in (one, two):
        expect(tab.locator(".from-user")).to_have_count(2)
        expect(reply(tab)).to_contain_text("word2 ")
        expect(reply(tab)).to_have_attribute("data-status", "streaming")
    for tab in (one, two):
        finished(tab)
        expect(said(tab)).to_have_text(words(1, 200))


def test_stop_keeps_what_was_said_and_the_next_message_can_be_sent(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    growing = said(page).locator(".growing")
    expect(growing).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    finished(page, "stopped")
    expect(growing).to_have_count(0)
    expect(reply(page)).to_contain_text(words(1, 8))
    expect(reply(page)).to_contain_text("Stopped here.")
    send(page, SHORT)
    finished(page)
    expect(page.locator(".from-agent")).to_have_count(2)


def test_while_a_reply_is_written_the_next_message_waits_in_the_composer(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    send(page, "Next.")
    expect(composer(page)).to_have_value("Next.")
    expect(page.locator(".from-user")).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    finished(page, "stopped")
    composer(page).press("Enter")
    expect(page.locator(".from-user")).to_have_count(2)
    expect(composer(page)).to_have_value("")


def test_a_failed_and_an_interrupted_reply_say_why_and_keep_their_words(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    failure = {"code": "agent_busy", "message": "The model has too much to do. Try again in a minute.", "after": 3}
    start_chat(page, script(words=9, delay=0.01, fail=failure))
    finished(page, "failed")
    expect(reply(page)).to_contain_text(words(1, 3))
    expect(reply(page)).to_contain_text("The model has too much to do. Try again in a minute.")
    send(page, script(words=9, delay=0.01, end_early_after=4))
    finished(page, "interrupted")
    expect(reply(page)).to_contain_text(words(1, 4))
    expect(reply(page).locator(".ending")).not_to_be_empty()


def test_the_list_marks_a_chat_that_streams_though_it_is_not_open(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    new_chat(page)
    mark = page.get_by_role("navigation").get_by_role("img", name="A reply is being written")
    expect(mark).to_have_count(1)
    page.get_by_role("navigation").get_by_role("link").click()
    page.get_by_role("button", name="Stop").click()
    expect(mark).to_have_count(0)


def test_the_view_follows_the_end_until_one_scrolls_up(page: Page, server: ServerProcess) -> None:
    page.set_viewport_size({"width": 900, "height": 500})
    open_page(page, server.url)
    start_chat(page, script(text="\n\n".join(f"Paragraph {n}." for n in range(200)), delay=0.02))
    scroller = page.get_by_role("region", name="Messages")
    left = "element => element.scrollHeight - element.clientHeight - element.scrollTop"
    expect(reply(page)).to_contain_text("Paragraph 30.")
    assert scroller.evaluate(left) < 50
    scroller.evaluate("element => element.scrollBy({ top: -300, behavior: 'instant' })")
    newest = page.get_by_role("button", name="Newest")
    expect(newest).to_be_visible()
    place = scroller.evaluate("element => element.scrollTop")
    shown = page.locator(".block p").count()
    page.wait_for_function("([count]) => document.querySelectorAll('.block p').length > count + 10", arg=[shown])
    assert scroller.evaluate("element => element.scrollTop") == place
    newest.click()
    expect(newest).to_be_hidden()
    finished(page)
    assert scroller.evaluate(left) < 50


def test_the_end_of_a_reply_draws_nothing_anew(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(text="First.\n\nSecond.\n\nThird " + "word " * 99, delay=0.05, reasoning="Hm, let me see."))
    page.get_by_text("Thoughts").click()
    expect(reply(page)).to_contain_text("Second.")
    page.evaluate("window.first = document.querySelector('.from-agent .block p')")
    expect(reply(page)).to_have_attribute("data-status", "streaming")
    finished(page)
    assert page.evaluate("window.first.isConnected && window.first.textContent === 'First.'")
    expect(page.get_by_text("Hm, let me see.", exact=True)).to_be_visible()


def test_what_is_selected_in_a_reply_stays_selected_while_it_grows(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    selected = "getSelection().toString()"
    code = "\n".join(f"line{n} = {n}" for n in range(30))
    text = f"{words(1, 60)}\n{words(61, 90)}.\n\n**Bold** end of the first.\n\n```python\n{code}\n```\n\nThe end."
    start_chat(page, script(text=text, delay=0.05))
    expect(reply(page)).to_contain_text("word12 ")
    # Pressed, and pulled while words come.
    box = page.evaluate(
        """() => {
            const range = document.createRange();
            const text = document.querySelector(".from-agent p").firstChild;
            range.setStart(text, text.data.indexOf("word3"));
            range.setEnd(text, text.data.indexOf("word6"));
            const { left, right, top, height } = range.getBoundingClientRect();
            return { left: left + 1, right: right - 3, middle: top + height / 2 };
        }"""
    )
    page.mouse.move(box["left"], box["middle"])
    page.mouse.down()
    expect(reply(page)).to_contain_text("word16 ")
    page.mouse.move(box["right"], box["middle"], steps=4)
    assert page.evaluate(selected) == "word3 word4 word5"
    expect(reply(page)).to_contain_text("word20 ")
    page.mouse.up()
    for shown in ("word61 ", "first.", "line2 "):
        expect(reply(page)).to_contain_text(shown)
        assert page.evaluate(selected) == "word3 word4 word5"
    # In code, which gets its head, its buttons and its colours once it is whole.
    page.evaluate(
        """() => {
            const text = document.querySelector(".from-agent pre code > *").firstChild;
            const at = text.data.indexOf("line1 ");
            getSelection().setBaseAndExtent(text, at + 5, text, at);
        }"""
    )
    finished(page)
    expect(reply(page).locator(".hljs-number").first).to_be_visible()
    assert page.evaluate(selected) == "line1"
    assert page.evaluate("getSelection().direction") == "backward"
    assert said(page).locator("p").first.inner_text().split()[:89] == words(1, 89).split(), "nothing is missing"


def test_code_stays_where_it_was_scrolled_while_more_comes_and_at_its_end(page: Page, server: ServerProcess) -> None:
    page.set_viewport_size({"width": 600, "height": 700})
    open_page(page, server.url)
    code = "\n".join(f"line{n} = '{'x' * 100}'" for n in range(25))
    start_chat(page, script(text=f"Look:\n```python\n{code}\n```\nThe end, {'and more ' * 20}", delay=0.05))
    expect(reply(page)).to_contain_text("line2 ")
    pre = said(page).locator("pre")
    pre.evaluate("(pre) => { pre.scrollLeft = 90; window.text = pre.querySelector('code > *').firstChild; }")
    expect(reply(page)).to_contain_text("line22 ")
    assert pre.evaluate("(pre) => [pre.scrollLeft, window.text.isConnected]") == [90, True], "drawn once"
    assert pre.evaluate("(pre) => pre.querySelector('code').childNodes.length") > 1, "in pieces"
    expect(reply(page).get_by_role("button", name="Copy", exact=True).first).to_be_visible()
    expect(reply(page)).to_have_attribute("data-status", "streaming")
    assert pre.evaluate("(pre) => pre.scrollLeft") == 90
    finished(page)
    expect(reply(page).locator(".hljs-string").first).to_be_visible()
    assert pre.evaluate("(pre) => [pre.scrollLeft, pre.textContent]") == [90, f"{code}\n"]


def test_what_is_selected_in_thoughts_stays_selected_while_they_grow(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(text="Done.", delay=0.06, reasoning=words(1, 80)))
    page.get_by_text("Thinking…").click()
    thoughts = page.locator(".aside-text")
    expect(thoughts).to_contain_text("word5 ")
    thoughts.evaluate("(box) => getSelection().setBaseAndExtent(box.firstChild, 0, box.firstChild, 11)")
    finished(page)
    expect(thoughts).to_have_text(words(1, 80))
    assert page.evaluate("getSelection().toString()") == "word1 word2"


def test_a_long_reply_looks_the_same_while_it_streams_at_its_end_and_after_a_reload(
    page: Page, server: ServerProcess
) -> None:
    """Drawn in groups as it comes, of which the far ones are passed over; whole after the reload."""
    page.set_viewport_size({"width": 900, "height": 500})
    open_page(page, server.url)
    # Seven kinds in turn, so that a group begins with each of them.
    kinds = ("# Part {n}", "Paragraph {n}.", "## Part {n}", "- one\n- two", "### {n}", "```\ncode {n}\n```", "> {n}")
    text = "\n\n".join(kinds[n % len(kinds)].format(n=n) for n in range(170))
    start_chat(page, script(text=f"{text}\n\nLast words, {'and more ' * 150}", delay=0.01))
    expect(reply(page)).to_contain_text("Last words")
    out_of_sight = "(element) => !element.checkVisibility({ contentVisibilityAuto: true })"
    passed_over = f"(elements) => elements.filter({out_of_sight}).length"
    blocks = said(page).locator(".block")
    assert blocks.evaluate_all(passed_over) > 50
    # In one step, since what grows is drawn anew with every frame.
    top = "(each) => Math.round(each.getBoundingClientRect().top - root.getBoundingClientRect().top)"
    tops = f"(root) => [...root.querySelectorAll('h4, p, ul, .code')].map({top})"
    before = said(page).evaluate(tops)
    finished(page)
    assert blocks.evaluate_all(passed_over) == 0
    at_end = said(page).evaluate(tops)
    assert at_end[: len(before)] == before
    page.reload()
    finished(page)
    assert said(page).evaluate(tops) == at_end
