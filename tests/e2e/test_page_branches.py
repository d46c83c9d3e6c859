"""Working with replies: another one, an edit, branches, going on, copying, quoting; and none of it happens twice."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.pages import Record, composer, finished, open_page, reply, said, script, send, start_chat, words
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)
BROKEN = script(words=20, delay=0, end_early_after=5)
ENDLESS = script(words=12, delay=0, hang_after=8)


def tool(where: Page, name: str) -> None:
    """Press one of the tools below the newest reply."""
    reply(where).get_by_role("button", name=name).click()


def version(where: Page, text: str) -> None:
    """Wait until the newest reply says which version it is."""
    expect(reply(where).locator(".branches")).to_have_text(text)


def asked(record: Record, kind: str) -> int:
    """How often a command went out."""
    return sum(frame["type"] == kind for frame in record.sent)


def test_another_reply_stands_beside_the_first_and_both_tabs_follow_the_choice(
    context: BrowserContext, server: ServerProcess
) -> None:
    one, two = context.new_page(), context.new_page()
    record = Record(one)
    open_page(one, server.url)
    url = start_chat(one, script(words=30, delay=0))
    finished(one)
    open_page(two, url)
    finished(two)
    tool(one, "Ask for another reply")
    for tab in (one, two):
        version(tab, "2 / 2")
        finished(tab)
        expect(tab.locator(".from-agent")).to_have_count(1)
    second = reply(one).get_attribute("data-message")
    tool(one, "Previous version")
    for tab in (one, two):
        version(tab, "1 / 2")
        expect(tab.locator(f"[data-message='{second}']")).to_have_count(0)
    tool(two, "Next version")
    for tab in (one, two):
        version(tab, "2 / 2")
        expect(tab.locator(f"[data-message='{second}']")).to_have_count(1)
    one.reload()
    version(one, "2 / 2")
    assert asked(record, "message.retry") == 1
    assert record.troubles == []


def test_an_edit_goes_on_from_there_and_the_old_branch_is_kept(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(text="First answer.", delay=0))
    finished(page)
    send(page, QUICK)
    finished(page)
    own = page.locator(".from-user").first
    own.hover()
    own.get_by_role("button", name="Edit").click()
    field = page.get_by_label("Edit your message")
    expect(field).to_be_focused()
    field.fill(script(text="Another answer.", delay=0))
    field.press("Enter")
    expect(page.locator(".from-user")).to_have_count(1)
    expect(said(page)).to_have_text("Another answer.")
    finished(page)
    expect(composer(page)).to_be_focused()
    expect(own.locator(".branches")).to_have_text("2 / 2")
    own.get_by_role("button", name="Previous version").click()
    expect(page.locator(".from-user")).to_have_count(2)
    expect(said(page)).to_have_text("Yes.")


def test_escape_leaves_a_message_as_it_was_and_keeps_what_was_typed(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    # From the empty composer, by keyboard alone.
    composer(page).press("ArrowUp")
    field = page.get_by_label("Edit your message")
    expect(field).to_have_value(QUICK)
    field.fill("Half a thought")
    field.press("Escape")
    expect(field).to_have_count(0)
    expect(page.locator(".bubble")).to_have_text(QUICK)
    expect(page.get_by_role("button", name="Edit")).to_be_focused()
    page.reload()
    finished(page)
    page.locator(".from-user").hover()
    page.get_by_role("button", name="Edit").click()
    expect(field).to_have_value("Half a thought")


def test_an_interrupted_reply_goes_on_in_the_same_message(context: BrowserContext, server: ServerProcess) -> None:
    one, two = context.new_page(), context.new_page()
    open_page(one, server.url)
    url = start_chat(one, BROKEN)
    finished(one, "interrupted")
    open_page(two, url)
    finished(two, "interrupted")
    one.get_by_role("button", name="Continue").click()
    for tab in (one, two):
        finished(tab)
        expect(said(tab)).to_contain_text(words(1, 5))
        expect(said(tab)).to_contain_text("this is where it goes on, to its end.")
        expect(tab.locator(".from-agent")).to_have_count(1)
        expect(tab.get_by_role("button", name="Continue")).to_have_count(0)
    one.reload()
    expect(said(one)).to_contain_text(words(1, 5))
    expect(said(one)).to_contain_text("to its end.")


def test_a_long_reply_that_goes_on_stays_whole_and_says_where_it_is_not(
    context: BrowserContext, server: ServerProcess
) -> None:
    one, two = context.new_page(), context.new_page()
    open_page(one, server.url)
    url = start_chat(one, script(words=13_000, delay=0, end_early_after=12_000))
    finished(one, "interrupted")
    open_page(two, url)
    finished(two, "interrupted")
    expect(said(two)).not_to_contain_text("word12000")
    two.evaluate("""() => {
        const look = () => {
            const said = [...document.querySelectorAll(".ending")].map((one) => one.textContent).join(" ");
            window.leftOut ||= said.includes("left out until it has ended");
        };
        new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    }""")
    one.get_by_role("button", name="Continue").click()
    finished(one)
    expect(said(one)).to_contain_text("word12000 …and this is where it goes on, to its end.")
    expect(one.get_by_role("button", name="Show all")).to_have_count(0)
    finished(two)
    assert two.evaluate("window.leftOut")
    two.get_by_role("button", name="Show all").click()
    expect(said(two)).to_contain_text("word12000 …and this is where it goes on, to its end.")


def test_a_stopped_and_a_failed_reply_offer_the_same(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    page.get_by_role("button", name="Stop").click()
    finished(page, "stopped")
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    failure = {"code": "agent_busy", "message": "The model has too much to do.", "after": 2}
    send(page, script(words=9, delay=0, fail=failure))
    finished(page, "failed")
    expect(page.get_by_role("button", name="Continue")).to_have_count(1)
    reply(page).get_by_role("button", name="Retry").click()
    version(page, "2 / 2")
    finished(page, "failed")


def test_what_is_asked_for_offline_is_asked_for_once(
    context: BrowserContext, page: Page, server: ServerProcess
) -> None:
    open_page(page, server.url)
    start_chat(page, BROKEN)
    finished(page, "interrupted")
    context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    expect(reply(page).get_by_text("Not sent yet.")).to_be_visible()
    context.set_offline(False)
    version(page, "2 / 2")
    finished(page, "interrupted")
    page.reload()
    version(page, "2 / 2")


def test_while_a_reply_is_written_the_tools_say_why_they_wait(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    tool(page, "Ask for another reply")
    version(page, "2 / 2")
    finished(page)
    send(page, ENDLESS)
    expect(reply(page)).to_contain_text("word8")
    first = page.locator(".from-agent").first
    first.hover()
    again = first.get_by_role("button", name="Ask for another reply")
    expect(again).to_have_attribute("aria-disabled", "true")
    previous = first.get_by_role("button", name="Previous version")
    expect(previous).to_have_attribute("title", "Previous version. Wait for the reply, or stop it first.")
    previous.click(force=True)  # a person can, though it says that it is disabled
    expect(page.get_by_text("Wait for the reply, or stop it first.")).to_be_visible()
    expect(first.locator(".branches")).to_have_text("2 / 2")
    page.get_by_role("button", name="Stop").click()
    finished(page, "stopped")
    expect(again).not_to_have_attribute("aria-disabled", "true")


def test_a_refused_command_says_why_and_can_be_dropped(context: BrowserContext, server: ServerProcess) -> None:
    page = context.new_page()
    open_page(page, server.url)
    url = start_chat(page, BROKEN)
    finished(page, "interrupted")
    # As from a tab that has not heard that the reply has gone on since.
    put = """() => {
        const { id } = JSON.parse(document.getElementById("config").textContent).user;
        const message = document.querySelector(".from-agent").dataset.message;
        const chat = location.pathname.split("/").pop();
        const entry = { client_id: "late", key: chat, chat, act: "continue", message, text: "", agent: null, at: 1 };
        localStorage.setItem(`polylogue.${id}.outbox.late`, JSON.stringify({ ...entry, error: null }));
    }"""
    page.get_by_role("button", name="Continue").click()
    finished(page)
    page.evaluate(put)
    open_page(page, url)
    expect(reply(page)).to_contain_text("Only the last reply can be continued, when it was stopped or broke off.")
    reply(page).get_by_role("button", name="Discard").click()
    expect(reply(page).get_by_role("button", name="Discard")).to_have_count(0)
    send(page, QUICK)
    finished(page)


def test_a_reply_is_copied_as_it_was_written(context: BrowserContext, server: ServerProcess) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    open_page(page, server.url)
    start_chat(page, script(text="Some **bold** words.", delay=0))
    finished(page)
    tool(page, "Copy as Markdown")
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "Some **bold** words."


def test_a_selection_is_quoted_into_the_composer_behind_what_is_there(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(text="To be quoted.\n\nNot this.", delay=0))
    finished(page)
    composer(page).fill("Before")
    said(page).locator("p").first.select_text()
    quote = page.get_by_role("button", name="Quote", exact=True)
    quote.click()
    expect(composer(page)).to_have_value("Before\n\n> To be quoted.\n\n")
    expect(composer(page)).to_be_focused()
    caret = composer(page).evaluate("(field) => [field.selectionStart, field.selectionEnd, field.value.length]")
    assert caret == [caret[2]] * 3, "one goes on behind the quotation, as soon as it is there"
    expect(quote).to_have_count(0)
    said(page).locator("p").last.select_text()
    # The browser tells the page of a selection a moment after it is made, and no hand is quicker.
    expect(quote).to_be_visible()
    page.keyboard.press("Alt+q")
    expect(composer(page)).to_have_value("Before\n\n> To be quoted.\n\n> Not this.\n\n")


def test_how_fast_a_reply_came_is_told_on_request(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(words=20, delay=0.05))
    finished(page)
    tool(page, "Details")
    expect(page.locator(".details")).to_contain_text("first words after")
    expect(page.locator(".details")).to_contain_text("characters/s")
    told = page.locator(".details").inner_text().split(" · ")[-2:]
    page.reload()
    tool(page, "Details")
    assert page.locator(".details").inner_text().split(" · ")[-2:] == told, "also to those who came later"
    tool(page, "Details")
    expect(page.locator(".details")).to_have_count(0)
