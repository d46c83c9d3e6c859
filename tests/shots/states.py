"""The twelve states of the page that are pictured, each reached as a person would, and the server they are seen on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from tests.e2e.pages import composer, finished, open_page, reply, send
from tests.server import ServerProcess
from tests.shots.model import ANSWERS, Model

EXPLAIN, CODE, MATHS, DRAW, TIDES, NOTES, KOREAN, ARABIC = ANSWERS


@contextmanager
def answering() -> Iterator[ServerProcess]:
    """A server whose model has an answer for each of the questions that are asked here."""
    with Model() as model:
        env = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": "none",
            "GUESTS_PER_HOUR": "1000",
            # As a small server names them: several agents, so that the choice is in the pictures too.
            "AGENTS": '[{"name": "assistant", "title": "Assistant"}, {"name": "brief", "title": "Brief"}]',
        }
        with ServerProcess(env=env) as server:
            yield server


def ask(page: Page, question: str, *, status: str = "complete") -> str:
    """Ask in a new chat; returns its id."""
    send(page, question)
    page.wait_for_url("**/c/*")
    if status == "streaming":
        expect(reply(page)).to_contain_text("the tides are")
    else:
        finished(page, status)
    expect(page.get_by_role("heading", level=2, name=ANSWERS[question][0])).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def empty(page: Page, url: str) -> None:
    expect(page.get_by_text("What is on your mind?")).to_be_visible()
    expect(page.get_by_text("Your chats will be listed here.")).to_be_visible()


def a_reply(page: Page, url: str) -> None:
    ask(page, EXPLAIN)


def code(page: Page, url: str) -> None:
    ask(page, CODE)
    expect(reply(page).locator(".hljs-keyword").first).to_be_visible()


def mathematics(page: Page, url: str) -> None:
    ask(page, MATHS)
    expect(reply(page).locator(".formula")).to_have_count(3)
    page.evaluate("document.fonts.ready.then(() => true)")


def diagram(page: Page, url: str) -> None:
    ask(page, DRAW)
    expect(reply(page).locator("iframe")).to_be_visible()


def streaming(page: Page, url: str) -> None:
    ask(page, TIDES, status="streaming")


def interrupted(page: Page, url: str) -> None:
    ask(page, NOTES, status="interrupted")


def panes(page: Page, url: str) -> None:
    chats = []
    for question in (TIDES, CODE, EXPLAIN):
        open_page(page, url)
        chats.append(ask(page, question, status="streaming" if question == TIDES else "complete"))
    open_page(page, f"{url}c/{'+'.join(reversed(chats))}")
    expect(page.locator(".from-agent .text").first).to_be_visible()


def offline(page: Page, url: str) -> None:
    ask(page, EXPLAIN)
    page.context.set_offline(True)
    composer(page).fill("And what when I am offline?")
    composer(page).press("Enter")
    expect(page.get_by_text("You are offline.")).to_be_visible()


def palette(page: Page, url: str) -> None:
    ask(page, CODE)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()


def korean(page: Page, url: str) -> None:
    page.context.add_cookies([{"name": "language", "value": "ko", "url": url}])
    open_korean = page.goto(url)
    assert open_korean
    send_to = page.get_by_label("메시지", exact=True).first
    send_to.fill(KOREAN)
    send_to.press("Enter")
    page.wait_for_url("**/c/*")
    finished(page)
    expect(page.get_by_role("heading", level=2, name=ANSWERS[KOREAN][0])).to_be_visible()


def right_to_left(page: Page, url: str) -> None:
    page.evaluate("document.documentElement.dir = 'rtl'")
    ask(page, ARABIC)


STATES: dict[str, Callable[[Page, str], None]] = {
    "empty": empty,
    "reply": a_reply,
    "code": code,
    "mathematics": mathematics,
    "diagram": diagram,
    "streaming": streaming,
    "interrupted": interrupted,
    "panes": panes,
    "offline": offline,
    "palette": palette,
    "korean": korean,
    "right-to-left": right_to_left,
}
