"""Everything by keyboard: the palette, the shortcuts, and where the focus is after each."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.pages import (
    Record,
    composer,
    drawn,
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

QUICK = script(text="Yes.", delay=0)
ENDLESS = script(words=12, delay=0, hang_after=8)


def choices(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Chats and actions").get_by_role("option")


def run(page: Page, words: str) -> None:
    """Open the palette, type, and take what is first."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Chat or action")
    expect(field).to_be_focused()
    field.fill(words)
    expect(choices(page).first).to_contain_text(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_jumps_to_chats_and_runs_actions(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    first = start_chat(page, script(text="Tides.", delay=0))
    finished(page)
    run(page, "This chat: Rename")
    page.get_by_label("Name of this chat").fill("About tides")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="About tides")).to_be_visible()
    run(page, "New chat")
    expect(composer(page)).to_be_focused()
    start_chat(page, QUICK)
    finished(page)
    run(page, "About tides")
    expect(page).to_have_url(first)
    expect(said(page)).to_have_text("Tides.")
    run(page, "Ask for another reply")
    expect(reply(page).locator(".branches")).to_have_text("2 / 2")
    finished(page)
    page.keyboard.press("Control+k")
    expect(choices(page).first).to_contain_text("current")
    expect(choices(page).nth(1)).to_have_attribute("aria-selected", "true")
    page.get_by_role("combobox", name="Chat or action").fill("tídes")
    expect(choices(page).first).to_contain_text("About tides")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    run(page, "This chat: Archive")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)
    run(page, "New chat beside this one")
    expect(panes(page)).to_have_count(2)
    assert record.troubles == []


def test_the_palette_opens_again_while_it_closes(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Chat or action")).to_be_focused()
    # What Escape does, and the next key before the page has heard that the dialog is closed.
    page.evaluate(
        """() => {
            document.querySelector("dialog").close();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true }));
        }"""
    )
    drawn(page)
    expect(page.get_by_role("combobox", name="Chat or action")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_is_left_without_a_trace(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    composer(page).fill("Half a thought")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Chat or action")
    options = choices(page)
    expect(options.first).to_have_attribute("aria-selected", "true")
    field.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    field.press("ArrowUp")
    field.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    field.fill("nothing is called like this")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.context.set_offline(True)
    field.fill("nothing is called like that either")
    expect(page.get_by_text("The server cannot be asked just now.")).to_be_visible()
    page.context.set_offline(False)
    field.press("Enter")
    field.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(composer(page)).to_be_focused()
    expect(composer(page)).to_have_value("Half a thought")


def test_a_question_mark_lists_the_shortcuts_but_not_while_one_types(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    composer(page).press_sequentially("Why?")
    expect(composer(page)).to_have_value("Why?")
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(listed.get_by_text("Jump to a chat, or run an action")).to_be_visible()
    listed.get_by_role("button", name="Close").click()
    expect(listed).to_have_count(0)
    expect(page.get_by_role("button", name="New chat")).to_be_focused()


def test_shortcuts_go_through_chats_and_panes_and_stop_a_reply(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    older = start_chat(page, QUICK)
    finished(page)
    page.keyboard.press("Control+Shift+O")
    expect(composer(page)).to_be_focused()
    newer = start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    page.keyboard.press("Control+.")
    finished(page, "stopped")
    page.keyboard.press("Alt+ArrowDown")
    expect(page).to_have_url(older)
    page.keyboard.press("Alt+ArrowUp")
    expect(page).to_have_url(newer)
    page.keyboard.press("Alt+ArrowUp")
    expect(page).to_have_url(newer)
    expect(composer(page)).to_be_focused()
    open_page(page, f"{older}+{newer.rsplit('/', 1)[1]}")
    page.keyboard.press("Alt+2")
    expect(composer(panes(page).nth(1))).to_be_focused()
    page.keyboard.press("Alt+1")
    expect(composer(panes(page).nth(0))).to_be_focused()


def test_closing_a_pane_leaves_the_focus_in_the_other(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    older = start_chat(page, QUICK)
    finished(page)
    new_chat(page)
    newer = start_chat(page, QUICK)
    finished(page)
    open_page(page, f"{older}+{newer.rsplit('/', 1)[1]}")
    expect(panes(page)).to_have_count(2)
    panes(page).nth(1).get_by_role("button", name="Close").focus()
    page.keyboard.press("Enter")
    expect(panes(page)).to_have_count(1)
    expect(composer(page)).to_be_focused()


@pytest.mark.parametrize("width", [360, 800])
def test_at_360_pixels_and_at_twice_the_size_everything_is_reached_and_nothing_is_cut(
    context: BrowserContext, server: ServerProcess, width: int
) -> None:
    page = context.new_page()
    # 200 % zoom halves the pixels of the page: 800 is a window of 1600.
    page.set_viewport_size({"width": width, "height": 450 if width == 800 else 740})
    open_page(page, server.url)
    start_chat(page, script(markdown=True, delay=0))
    finished(page)
    reply(page).get_by_role("button", name="Ask for another reply").click()
    expect(reply(page).locator(".branches")).to_have_text("2 / 2")
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Actions for this chat").click()
    menu = page.get_by_role("menu")
    box = menu.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Chat or action")).to_be_focused()
    page.keyboard.press("Escape")
    composer(page).press("ArrowUp")
    expect(page.get_by_label("Edit your message")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_screen_readers_hear_how_a_reply_ends_and_not_its_words(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    page.evaluate("""() => {
        window.heard = [];
        const hear = (records) => {
            for (const { target } of records) {
                const element = target.nodeType === 1 ? target : target.parentElement;
                const live = element?.closest("[role=status], [aria-live]");
                if (live?.textContent) window.heard.push(live.textContent);
            }
        };
        new MutationObserver(hear).observe(document.body, { subtree: true, childList: true, characterData: true });
    }""")
    start_chat(page, script(words=60, delay=0.01))
    finished(page)
    expect(page.get_by_role("status").filter(has_text="Reply finished")).to_have_count(1)
    heard = page.evaluate("window.heard")
    assert [words for words in heard if "word" in words.replace('"words"', "")] == []
    assert len(heard) < 10
    send(page, QUICK)
    finished(page)
    endings = "window.heard.filter((words) => words.includes('Reply finished')).length"
    before = sum("Reply finished" in words for words in heard)
    page.wait_for_function(f"before => {endings} > before", arg=before)


def test_with_reduced_motion_nothing_moves(context: BrowserContext, server: ServerProcess) -> None:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    open_page(page, server.url)
    start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    new_chat(page)
    send(page, QUICK)
    running = "document.getAnimations().filter((one) => one.effect.getComputedTiming().duration > 0).length"
    assert page.evaluate(running) == 0
