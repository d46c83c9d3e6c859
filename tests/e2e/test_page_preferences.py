"""Theme, language and direction: chosen in the page, kept by the browser, right from the first picture."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import TIMEOUT
from tests.e2e.pages import Record, composer, finished, new_chat, open_page, reply, script, send, start_chat
from tests.server import ServerProcess

DARK = "rgb(23, 26, 25)"
LIGHT = "rgb(255, 255, 255)"


def test_a_theme_is_the_systems_until_one_is_chosen_and_then_kept(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    page.emulate_media(color_scheme="dark")
    open_page(page, server.url)
    body = page.locator("body")
    expect(body).to_have_css("background-color", DARK)
    page.get_by_label("Colours").select_option("light")
    expect(body).to_have_css("background-color", LIGHT)
    open_page(page, server.url)
    expect(body).to_have_css("background-color", LIGHT)
    page.goto(f"{server.url}accounts/login/")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    open_page(page, server.url)
    page.get_by_label("Colours").select_option("")
    expect(body).to_have_css("background-color", DARK)
    assert record.troubles == []


def test_the_page_speaks_the_browsers_language_and_another_one_when_asked(
    browser: Browser, server: ServerProcess
) -> None:
    context = browser.new_context(locale="ko-KR", viewport={"width": 1400, "height": 900})
    context.set_default_timeout(1000 * TIMEOUT)
    page = context.new_page()
    record = Record(page)
    page.goto(server.url)
    expect(page.get_by_role("button", name="새 채팅")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.get_by_label("언어").select_option("en")
    expect(page.get_by_role("button", name="New chat")).to_be_visible()
    open_page(page, server.url)
    expect(page.get_by_role("button", name="New chat")).to_be_visible()
    assert record.troubles == []
    context.close()


def test_what_went_wrong_is_said_in_the_readers_language_with_its_values(page: Page, server: ServerProcess) -> None:
    page.context.add_cookies([{"name": "language", "value": "ko", "url": server.url}])
    page.goto(server.url)
    sentence = "The model's server said nothing for 2.5 seconds. Please ask again."
    field = page.get_by_label("메시지", exact=True)
    field.fill(script(words=9, delay=0, fail={"code": "agent_timeout", "message": sentence, "after": 3}))
    field.press("Enter")
    finished(page, "failed")
    expect(reply(page)).to_contain_text("모델 서버가 2.5초 동안 아무 말도 하지 않았습니다. 다시 물어보세요.")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_the_list_is_folded_away_and_brought_back_by_keyboard_and_stays_so(
    page: Page, server: ServerProcess, direction: str
) -> None:
    turn = f"document.documentElement.dir = '{direction}'"
    open_page(page, server.url)
    page.evaluate(turn)
    start_chat(page, script(text="Yes.", delay=0))
    finished(page)
    sidebar, pane = page.get_by_role("complementary", name="Chats"), page.locator(".pane")
    beside = pane.bounding_box()
    assert beside
    page.get_by_role("button", name="Close the list").press("Enter")
    expect(sidebar).to_be_hidden()
    bring_back = page.get_by_role("button", name="Chats", exact=True)
    expect(bring_back).to_be_focused()
    whole = pane.bounding_box()
    assert whole
    assert whole["width"] > beside["width"] + 200
    page.reload()
    expect(reply(page)).to_contain_text("Yes.")
    page.evaluate(turn)
    expect(sidebar).to_be_hidden()
    new_chat(page)
    expect(composer(page)).to_be_focused()
    expect(page).to_have_url(server.url)
    bring_back.press("Enter")
    expect(page.get_by_role("button", name="Close the list")).to_be_focused()
    assert pane.bounding_box() == beside
    new_chat(page)
    expect(sidebar).to_be_visible()
    page.get_by_role("button", name="Close the list").click()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter by title")).to_be_focused()
    expect(sidebar).to_be_visible()


@pytest.mark.parametrize("width", [360, 1024, 1600])
def test_written_from_the_right_nothing_hangs_over_the_edge(page: Page, server: ServerProcess, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_page(page, server.url)
    page.evaluate("document.documentElement.dir = 'rtl'")
    send(page, script(text="مرحبا **كلمة**\n\n- واحد\n- اثنان\n\n```python\nprint('ltr')\n```", delay=0))
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    text = reply(page).locator(".text")
    expect(text).to_have_css("direction", "rtl")
    expect(text.locator("pre")).to_have_css("direction", "ltr")
    edges = (
        "(element) => { const box = element.getBoundingClientRect(); return [box.left >= 0, box.right <= innerWidth]; }"
    )
    for element in (text, page.locator(".composer"), page.locator(".pane-head")):
        assert element.evaluate(edges) == [True, True]
    if width > 1000:
        sidebar, pane = page.locator(".sidebar").bounding_box(), page.locator(".pane").bounding_box()
        assert sidebar
        assert pane
        assert sidebar["x"] > pane["x"], "the list is where reading begins"
