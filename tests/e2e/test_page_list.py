"""The list of chats with many of them: pins, marks, newest words, the filter; and taking a chat out of the page."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.e2e.pages import (
    Record,
    composer,
    finished,
    new_chat,
    open_page,
    panes,
    reply,
    script,
    send,
    start_chat,
    words,
)
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)
ENDLESS = script(words=12, delay=0, hang_after=8)
SLOW = script(words=250, delay=0.02)


def make_chats(page: Page, titles: list[str]) -> None:
    """Empty chats, by HTTP, oldest first."""
    page.evaluate(
        """async (titles) => {
            const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
            const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
            for (const title of titles) {
                const body = JSON.stringify({ title, client_id: title });
                await fetch("/api/chats", { method: "POST", headers, body });
            }
        }""",
        titles,
    )


def act(page: Page, title: str, item: str) -> None:
    """Choose something from a chat's menu in the list."""
    entry = page.get_by_role("navigation").get_by_role("listitem").filter(has_text=title)
    entry.hover()
    entry.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def test_pinned_chats_stand_first_in_every_tab_and_over_a_reload(
    context: BrowserContext, server: ServerProcess
) -> None:
    one, two = context.new_page(), context.new_page()
    open_page(one, server.url)
    make_chats(one, ["Oldest", *(f"Chat {number}" for number in range(60)), "Newest"])
    for tab in (one, two):
        open_page(tab, server.url)
    first = "nav li .chat-title >> nth=0"
    expect(one.locator(first)).to_have_text("Newest")
    one.get_by_label("Filter by title").fill("oldest")
    act(one, "Oldest", "Pin")
    one.get_by_label("Filter by title").fill("")
    for tab in (one, two):
        expect(tab.locator(first)).to_have_text("Oldest")
    two.reload()
    expect(two.locator(first)).to_have_text("Oldest")
    act(two, "Oldest", "Unpin")
    expect(one.locator(first)).to_have_text("Newest")


def test_the_filter_finds_chats_that_are_not_loaded_and_says_when_there_is_none(
    context: BrowserContext, page: Page, server: ServerProcess
) -> None:
    open_page(page, server.url)
    make_chats(page, ["Café far down", *(f"Chat {number}" for number in range(70))])
    open_page(page, server.url)
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_count(50)
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("/")
    field = page.get_by_label("Filter by title")
    expect(field).to_be_focused()
    field.press_sequentially("far DOWN")
    expect(links).to_have_text(["Café far down"])
    field.fill("no such thing")
    expect(page.get_by_text("No title holds these words.")).to_be_visible()
    field.press("Escape")
    expect(field).to_have_value("")
    expect(links.first).to_have_text("Chat 69")
    context.set_offline(True)
    field.fill("chat 6")
    expect(page.get_by_text("these are the chats that are loaded")).to_be_visible()
    assert links.count() >= 10


def test_a_reply_that_ends_unseen_leaves_a_mark_until_it_is_seen(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = context.new_page()
    open_page(page, server.url)
    start_chat(page, SLOW)
    expect(reply(page)).to_contain_text("word2 ")
    new_chat(page)
    newest = page.locator(".newest-words")
    expect(newest).to_contain_text("word")
    before = newest.inner_text()
    expect(newest).not_to_have_text(before)
    mark = page.get_by_role("navigation").get_by_role("img", name="A new reply")
    expect(mark).to_have_count(0)
    expect(mark).to_have_count(1)
    expect(newest).to_have_count(0)
    page.reload()
    expect(mark).to_have_count(1)
    other = context.new_page()
    open_page(other, server.url)
    expect(other.get_by_role("img", name="A new reply")).to_have_count(1)
    page.get_by_role("navigation").get_by_role("link").click()
    expect(reply(page)).to_contain_text(words(248, 250))
    expect(mark).to_have_count(0)
    expect(other.get_by_role("img", name="A new reply")).to_have_count(0)


def test_the_newest_words_of_a_chat_are_words_without_marks(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(text="**bold** and `code` and [a link](https://a.example/) then", delay=0, hang_after=6))
    expect(reply(page)).to_contain_text("a link")
    new_chat(page)
    expect(page.locator(".newest-words")).to_have_text("bold and code and a link")


def test_a_chat_that_was_left_while_it_streamed_is_there_at_once(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    start_chat(page, SLOW)
    expect(reply(page)).to_contain_text("word2 ")
    new_chat(page)
    expect(page.locator(".newest-words")).to_contain_text("word")
    snapshots = sum(frame["type"] == "chat.snapshot" for frame in record.frames)
    page.get_by_role("navigation").get_by_role("link").click()
    assert "word2 " in reply(page).inner_text(), "nothing was waited for"
    finished(page)
    assert sum(frame["type"] == "chat.snapshot" for frame in record.frames) == snapshots
    assert record.troubles == []


def test_a_whole_chat_is_saved_with_every_page_of_it(page: Page, server: ServerProcess, tmp_path: Path) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    page.evaluate(
        """async ([text]) => {
            const chat = location.pathname.split("/").pop();
            const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
            const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
            for (let number = 0; number < 40; number++) {
                const body = JSON.stringify({ text, client_id: `made-${number}` });
                for (;;) {
                    const answer = await fetch(`/api/chats/${chat}/messages`, { method: "POST", headers, body });
                    if (answer.ok) break;
                    await new Promise((resolve) => setTimeout(resolve, 10));
                }
            }
        }""",
        [QUICK],
    )
    expect(page.locator(".from-user")).to_have_count(41)
    finished(page)
    for item, ending in (("Save as JSON", "json"), ("Save as Markdown", "md")):
        page.get_by_role("button", name="Actions for this chat").click()
        with page.expect_download() as saving:
            page.get_by_role("menuitem", name=item).click()
        path = tmp_path / f"chat.{ending}"
        saving.value.save_as(path)
        assert saving.value.suggested_filename.endswith(f".{ending}")
    saved = json.loads((tmp_path / "chat.json").read_text())
    assert len(saved["messages"]) == 82
    assert (tmp_path / "chat.md").read_text().count("## Reply\n\nYes.") == 41
    expect(page.get_by_text("Saved 82 messages.")).to_be_visible()


def test_a_chat_is_copied_as_markdown(context: BrowserContext, server: ServerProcess) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    open_page(page, server.url)
    start_chat(page, script(text="Some **bold** words.", delay=0))
    finished(page)
    page.get_by_role("button", name="Actions for this chat").click()
    page.get_by_role("menuitem", name="Copy as Markdown").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").endswith("## Reply\n\nSome **bold** words.\n")


def test_a_chat_is_renamed_in_its_own_pane(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    page.get_by_role("button", name="Actions for this chat").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name of this chat").fill("Tides")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tides")).to_be_visible()
    expect(page.get_by_role("button", name="Actions for this chat")).to_be_focused()
    page.get_by_role("heading", name="Tides").dblclick()
    page.get_by_label("Name of this chat").fill("Waves")
    # As when another window comes to the front: the field is still the one that is typed in.
    page.get_by_label("Name of this chat").dispatch_event("blur")
    expect(page.get_by_label("Name of this chat")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Tides")).to_be_visible()


def test_what_a_closed_tab_left_unsent_another_tab_sends(context: BrowserContext, server: ServerProcess) -> None:
    page = context.new_page()
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    left = """([text]) => {
        const { id } = JSON.parse(document.getElementById("config").textContent).user;
        const chat = location.pathname.split("/").pop();
        const entry = { client_id: "left", key: chat, chat, text, agent: null, at: Date.now() - 60000, error: null };
        localStorage.setItem(`polylogue.${id}.outbox.left`, JSON.stringify(entry));
    }"""
    page.evaluate(left, [script(text="From the dead.", delay=0)])
    expect(reply(page)).to_contain_text("From the dead.")
    finished(page)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('.outbox.'))") == []


def test_a_page_that_is_older_than_the_server_says_reload(page: Page, server: ServerProcess) -> None:
    def newer(ws: WebSocketRoute) -> None:
        upstream = ws.connect_to_server()
        upstream.on_message(lambda data: ws.send(str(data).replace('"protocol":1', '"protocol":2')))

    page.route_web_socket("**/ws/", newer)
    page.goto(server.url)
    expect(page.get_by_role("alert")).to_contain_text("newer version")
    expect(page.get_by_role("alert").get_by_role("button", name="Reload")).to_be_visible()
    composer(page).fill("Kept")
    page.reload()
    expect(composer(page)).to_have_value("Kept")


def test_widths_of_panes_change_by_pointer_and_keys_and_are_remembered(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    ids = []
    for number in range(2):
        if number:
            new_chat(page)
        ids.append(start_chat(page, QUICK).rsplit("/", 1)[1])
        finished(page)
    open_page(page, f"{server.url}c/{'+'.join(ids)}")
    expect(panes(page)).to_have_count(2)
    border = page.get_by_role("separator")

    def width() -> float:
        box = panes(page).first.bounding_box()
        assert box
        return box["width"]

    even = width()
    border.focus()
    for _ in range(3):
        border.press("ArrowRight")
    expect(border).to_have_attribute("aria-valuenow", "56")
    by_keys = width()
    assert by_keys > even + 40
    box = border.bounding_box()
    assert box
    page.mouse.move(box["x"], 400)
    page.mouse.down()
    page.mouse.move(box["x"] - 200, 400, steps=5)
    page.mouse.up()
    by_pointer = width()
    assert abs(by_pointer - (by_keys - 200)) < 10
    page.reload()
    expect(panes(page)).to_have_count(2)
    assert abs(width() - by_pointer) < 2
    border.press("Home")
    assert width() >= 279, "a pane keeps what it needs"
    border.press("Enter")
    expect(border).to_have_attribute("aria-valuenow", "50")


def test_a_deleted_chat_can_be_had_back_by_keyboard_and_the_focus_is_never_lost(
    page: Page, server: ServerProcess
) -> None:
    open_page(page, server.url)
    make_chats(page, ["One", "Two", "Three"])
    open_page(page, server.url)
    page.get_by_role("link", name="Two").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="More for Two")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Two")).to_have_count(0)
    expect(page.get_by_role("link", name="One")).to_be_focused()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Two")).to_be_visible()
    page.wait_for_function("document.activeElement !== document.body")
    send(page, QUICK)
    finished(page)
