"""What one typed is never lost and never sent twice, whatever the connection does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.e2e.pages import Record, composer, finished, new_chat, open_page, reply, script, send, start_chat, words
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)


@pytest.fixture
def own_server() -> Iterator[ServerProcess]:
    """A server that the test may kill."""
    with ServerProcess() as process:
        yield process


def test_a_message_typed_offline_goes_out_exactly_once(
    context: BrowserContext, page: Page, server: ServerProcess
) -> None:
    record = Record(page)
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    send(page, script(text="Once.", delay=0))
    expect(page.get_by_text("Not sent yet.")).to_be_visible()
    composer(page).fill("Next")
    expect(page.get_by_text("Something of yours is still on its way")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_be_hidden()
    expect(reply(page)).to_contain_text("Once.")
    finished(page)
    expect(page.locator(".from-user")).to_have_count(2)
    page.reload()
    expect(reply(page)).to_contain_text("Once.")
    expect(page.locator(".from-user")).to_have_count(2)
    sends = [frame["client_id"] for frame in record.sent if frame["type"] == "message.send"]
    assert len(set(sends)) == 2


def test_a_new_chat_begun_offline_is_made_exactly_once(
    context: BrowserContext, page: Page, server: ServerProcess
) -> None:
    open_page(page, server.url)
    context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    send(page, QUICK)
    expect(page.get_by_text("Not sent yet.")).to_be_visible()
    context.set_offline(False)
    finished(page)
    expect(page.locator(".from-user")).to_have_count(1)
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)
    page.reload()
    expect(page.locator(".from-user")).to_have_count(1)
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)


def test_a_new_chat_begun_offline_is_found_again_after_another_was_opened(
    context: BrowserContext, page: Page, server: ServerProcess
) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    new_chat(page)
    context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    send(page, script(text="Here I am.", delay=0))
    expect(page.get_by_text("Not sent yet.")).to_be_visible()
    chats = page.get_by_role("navigation", name="All chats").get_by_role("link")
    chats.last.click()
    expect(reply(page)).to_contain_text("Yes.")
    expect(chats).to_have_count(2)
    expect(chats.first).to_contain_text("Not sent yet")
    chats.first.click()
    expect(page.get_by_text("Not sent yet. Waiting for a connection.")).to_be_visible()
    expect(chats).to_have_count(1)
    chats.last.click()
    context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_be_hidden()
    expect(chats).to_have_count(2)
    expect(chats.first).not_to_contain_text("Not sent yet")
    chats.first.click()
    expect(reply(page)).to_contain_text("Here I am.")


def test_what_was_sent_while_the_server_was_dead_goes_out_once_it_is_back(
    page: Page, own_server: ServerProcess
) -> None:
    open_page(page, own_server.url)
    start_chat(page, QUICK)
    finished(page)
    own_server.kill()
    send(page, script(text="After the storm.", delay=0))
    expect(page.get_by_text("Not sent yet.")).to_be_visible()
    expect(page.get_by_text("No connection.").or_(page.get_by_text("Connecting…"))).to_be_visible()
    own_server.start()
    expect(reply(page)).to_contain_text("After the storm.")
    finished(page)
    expect(page.locator(".from-user")).to_have_count(2)
    expect(page.locator(".banner")).to_be_hidden()


def test_a_reply_cut_off_by_a_dead_server_keeps_what_was_seen_and_says_so(
    page: Page, own_server: ServerProcess
) -> None:
    open_page(page, own_server.url)
    start_chat(page, script(words=50, delay=0.01, hang_after=20))
    expect(reply(page)).to_contain_text("word20")
    own_server.kill()
    own_server.start()
    finished(page, "interrupted")
    expect(reply(page)).to_contain_text(words(1, 20))
    expect(reply(page).locator(".ending")).to_be_visible()
    send(page, QUICK)
    finished(page)


def test_try_now_connects_at_once(page: Page, own_server: ServerProcess) -> None:
    # The page's own chance decides how long it waits; here it is always the longest.
    page.add_init_script("Math.random = () => 0.999")
    open_page(page, own_server.url)
    own_server.kill()
    # By now the next try is seconds away.
    expect(page.get_by_text("Next try in 4 s")).to_be_visible()
    own_server.start()
    page.get_by_role("button", name="Try now").click()
    expect(page.locator(".banner")).to_be_hidden()


def test_what_is_read_stays_when_its_chat_cannot_be_opened_again(
    context: BrowserContext, page: Page, server: ServerProcess
) -> None:
    refusing = [False]

    def refuse(ws: WebSocketRoute) -> None:
        upstream = ws.connect_to_server()

        def answer(data: str | bytes) -> None:
            command = json.loads(data)
            if refusing[0] and command["type"] == "chat.open":
                refusal = {"code": "too_many_chats", "message": "Too many chats are open."}
                ws.send(json.dumps({"type": "error", "id": command["id"], **refusal}))
            else:
                upstream.send(data)

        ws.on_message(answer)

    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    page.route_web_socket("**/ws/", refuse)
    page.reload()
    finished(page)
    composer(page).press("ArrowUp")
    page.get_by_label("Edit your message").fill("Half an edit")
    refusing[0] = True
    context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    context.set_offline(False)
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Too many chats are open.")
    expect(reply(page)).to_contain_text("Yes.")
    expect(page.get_by_label("Edit your message")).to_have_value("Half an edit")
    refusing[0] = False
    refusal.get_by_role("button", name="Try again").click()
    expect(refusal).to_have_count(0)
    expect(page.get_by_label("Edit your message")).to_have_value("Half an edit")


def test_a_page_whose_scripts_do_not_come_offers_to_be_loaded_again(page: Page, server: ServerProcess) -> None:
    page.route("**/chat/app*.js", lambda route: route.abort())
    # The seconds until it says so are a style's.
    page.context.new_cdp_session(page).send("Animation.setPlaybackRate", {"playbackRate": 20})
    page.goto(server.url)
    expect(page.get_by_text("This takes long.")).to_be_visible()
    page.unroute_all()
    page.get_by_role("link", name="Reload").click()
    expect(composer(page)).to_be_visible()
    expect(page.get_by_text("Loading…")).to_have_count(0)


def test_a_draft_survives_a_reload_and_belongs_to_its_chat(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    url = start_chat(page, QUICK)
    finished(page)
    composer(page).fill("Half a thought")
    new_chat(page)
    expect(composer(page)).to_have_value("")
    composer(page).fill("Another")
    page.reload()
    expect(composer(page)).to_have_value("Another")
    page.goto(url)
    expect(composer(page)).to_have_value("Half a thought")


def test_a_refused_message_keeps_its_text_for_another_try(context: BrowserContext, server: ServerProcess) -> None:
    one = context.new_page()
    open_page(one, server.url)
    url = start_chat(one, script(words=9, delay=0.01, hang_after=3))
    expect(reply(one)).to_contain_text("word3")
    two = context.new_page()
    # This tab has not heard that the chat is busy: it sends, and the server refuses.
    two.goto(server.url)
    composer(two).wait_for()
    two.evaluate("url => history.replaceState(null, '', url)", url)
    refused = """async ([text]) => {
        const chat = location.pathname.split("/").pop();
        const { id } = JSON.parse(document.getElementById("config").textContent).user;
        const entry = { client_id: "typed", key: chat, chat, text, agent: null, at: 1, error: null };
        localStorage.setItem(`polylogue.${id}.outbox.typed`, JSON.stringify(entry));
    }"""
    two.evaluate(refused, [QUICK])
    open_page(two, url)
    failed = two.locator(".unsent")
    expect(failed.get_by_role("button", name="Try again")).to_be_visible()
    expect(failed).to_contain_text(QUICK)
    failed.get_by_role("button", name="Discard").click()
    expect(failed).to_have_count(0)
    two.get_by_role("button", name="Undo").click()
    expect(failed).to_contain_text(QUICK)
    two.get_by_role("button", name="Stop").click()
    finished(two, "stopped")
    failed.get_by_role("button", name="Try again").click()
    expect(two.locator(".from-user")).to_have_count(2)
    finished(two)
    expect(failed).to_have_count(0)


def test_signing_out_elsewhere_leads_to_the_sign_in_page(context: BrowserContext, server: ServerProcess) -> None:
    page, other = context.new_page(), context.new_page()
    open_page(page, server.url)
    other.goto(f"{server.url}accounts/login/")
    context.clear_cookies()
    # The next connection has no session any more.
    context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    context.set_offline(False)
    page.wait_for_url("**/accounts/login/**")
