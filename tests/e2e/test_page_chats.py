"""The list of chats and older messages, as a person uses them."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.pages import composer, finished, new_chat, open_page, panes, reply, script, send, start_chat
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)


def rename(page: Page, title: str) -> None:
    page.get_by_role("navigation").get_by_role("listitem").first.hover()
    page.get_by_role("button", name="More for").first.click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name of this chat").fill(title)
    page.get_by_label("Name of this chat").press("Enter")


def test_a_chat_is_renamed_in_place_by_keyboard_alone(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    page.get_by_role("navigation").get_by_role("link").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="More for")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_label("Name of this chat").fill("Café at nine")
    page.keyboard.press("Enter")
    link = page.get_by_role("navigation").get_by_role("link", name="Café at nine")
    expect(link).to_be_focused()
    expect(page).to_have_title("Café at nine · Polylogue")
    page.reload()
    expect(link).to_be_visible()


def test_what_one_types_as_a_name_stays_while_the_chat_changes(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(words=30, delay=0, hang_after=8))
    page.get_by_role("navigation").get_by_role("listitem").first.hover()
    page.get_by_role("button", name="More for").first.click()
    page.get_by_role("menuitem", name="Rename").click()
    field = page.get_by_label("Name of this chat")
    field.fill("Half a na")
    other = page.context.new_page()
    open_page(other, page.url)
    rename(other, "Named elsewhere")
    expect(page.get_by_role("heading", name="Named elsewhere")).to_be_visible()
    expect(field).to_have_value("Half a na")
    field.press("Enter")
    expect(page.get_by_role("navigation").get_by_role("link", name="Half a na")).to_be_visible()


def test_escape_leaves_a_chat_its_name(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    rename(page, "Kept")
    link = page.get_by_role("navigation").get_by_role("link", name="Kept")
    expect(link).to_be_visible()
    page.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name of this chat").fill("Dropped")
    page.keyboard.press("Escape")
    expect(link).to_be_visible()


def test_archived_chats_stand_apart_and_can_be_brought_back(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    rename(page, "Done with")
    page.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Archive").click()
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_count(0)
    page.get_by_role("button", name="Archived chats").click()
    expect(links).to_have_text(["Done with"])
    links.hover()
    page.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Bring back").click()
    expect(links).to_have_count(0)
    page.get_by_role("button", name="Back to all chats").click()
    expect(links).to_have_text(["Done with"])


def test_a_deleted_chat_can_be_had_back(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    url = start_chat(page, QUICK)
    finished(page)
    page.get_by_role("navigation").get_by_role("listitem").hover()
    page.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Delete").click()
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_count(0)
    expect(page).to_have_url(server.url)
    page.get_by_role("button", name="Undo").click()
    expect(links).to_have_count(1)
    links.click()
    expect(page).to_have_url(url)
    expect(reply(page)).to_contain_text("Yes.")


def test_a_chat_that_is_not_there_says_so_and_can_be_closed(page: Page, server: ServerProcess) -> None:
    open_page(page, f"{server.url}c/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("alert").get_by_role("button", name="Close").click()
    expect(page).to_have_url(server.url)
    start_chat(page, QUICK)
    finished(page)


def test_back_and_forward_go_through_the_chats(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, script(text="First answer.", delay=0))
    finished(page)
    new_chat(page)
    start_chat(page, script(text="Second answer.", delay=0))
    finished(page)
    page.get_by_role("navigation").get_by_role("link").last.click()
    expect(reply(page)).to_contain_text("First answer.")
    page.go_back()
    expect(reply(page)).to_contain_text("Second answer.")
    page.go_forward()
    expect(reply(page)).to_contain_text("First answer.")


def test_earlier_messages_come_as_one_scrolls_up_and_the_place_stays(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    url = start_chat(page, QUICK)
    finished(page)
    # By HTTP, which is quicker than sixty turns by hand.
    post = """async ([text]) => {
        const chat = location.pathname.split("/").pop();
        const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
        const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
        for (let number = 0; number < 60; number++) {
            const body = JSON.stringify({ text: text.replace("N", number), client_id: `made-${number}` });
            for (;;) {
                const answer = await fetch(`/api/chats/${chat}/messages`, { method: "POST", headers, body });
                if (answer.ok) break;
                if ((await answer.json()).code !== "chat_busy") throw new Error("refused");
                await new Promise((resolve) => setTimeout(resolve, 10));
            }
        }
    }"""
    page.evaluate(post, [script(text="Answer N.", delay=0)])
    open_page(page, url)
    messages = page.locator("[data-message]")
    expect(reply(page)).to_contain_text("Answer 59.")
    count = messages.count()
    assert count < 122
    scroller = page.get_by_role("region", name="Messages")
    first = messages.first.get_attribute("data-message")
    scroller.evaluate("element => element.scrollTo(0, 250)")
    before = page.locator(f"[data-message='{first}']").bounding_box()
    page.wait_for_function("(count) => document.querySelectorAll('[data-message]').length > count", arg=count)
    after = page.locator(f"[data-message='{first}']").bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40, "what one was reading is still where it was"
    while messages.count() < 122:
        count = messages.count()
        page.get_by_role("button", name="Load earlier messages").focus()
        page.wait_for_function("(count) => document.querySelectorAll('[data-message]').length > count", arg=count)
    expect(messages.first).to_contain_text("Yes.")
    expect(page.get_by_role("button", name="earlier messages")).to_have_count(0)
    expect(scroller).to_be_focused()


def test_a_long_message_goes_by_http_and_is_there_once(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    with page.expect_response("**/messages") as answer:
        send(page, "long " * 12_000)
    assert answer.value.ok
    finished(page)
    expect(page.locator(".from-user")).to_have_count(2)
    page.reload()
    expect(page.locator(".from-user")).to_have_count(2)


def test_shift_enter_makes_a_line_and_an_input_methods_enter_sends_nothing(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    field = composer(page)
    field.press_sequentially("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    field.evaluate("""element => element.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))""")
    expect(field).to_have_value("one\ntwo")
    expect(page.locator(".from-user")).to_have_count(0)
    field.press("Enter")
    expect(page.locator(".from-user .bubble")).to_have_text("one\ntwo", use_inner_text=True)


def test_on_a_narrow_page_the_list_is_a_drawer(page: Page, server: ServerProcess) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    open_page(page, server.url)
    url = start_chat(page, QUICK)
    finished(page)
    drawer = page.get_by_role("complementary", name="Chats")
    expect(drawer).to_be_hidden()
    page.get_by_role("button", name="Chats", exact=True).click()
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    page.get_by_role("button", name="Chats", exact=True).click()
    drawer.get_by_role("button", name="New chat").click()
    expect(drawer).to_be_hidden()
    expect(page).to_have_url(server.url)
    page.get_by_role("button", name="Chats", exact=True).click()
    page.get_by_role("navigation").get_by_role("link").click()
    expect(drawer).to_be_hidden()
    expect(page).to_have_url(url)
    expect(panes(page).get_by_role("button", name="Close")).to_have_count(0)
    panes(page).get_by_role("button", name="New chat").click()
    expect(page).to_have_url(server.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
