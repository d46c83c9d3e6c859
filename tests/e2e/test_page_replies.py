"""What replies are made of: code, formulas, diagrams, footnotes, links; and what a first visit costs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from tests.e2e.axe import violations
from tests.e2e.pages import Record, finished, open_page, reply, script, send
from tests.server import ServerProcess

FIRST_LOAD = 250_000
"""Bytes of a first visit, compressed, without mathematics and diagrams."""


LIGHT_NODE, DARK_NODE = "rgb(226, 240, 237)", "rgb(28, 52, 49)"
"""How a node is filled: `--accent-soft` in each of the themes."""


@pytest.fixture
def record(page: Page, server: ServerProcess) -> Iterator[Record]:
    """The page, open; at the end nothing has left the origin and nothing was complained about."""
    record = Record(page)
    open_page(page, server.url)
    yield record
    assert [url for url in record.requests if not url.startswith(server.url)] == []
    assert record.troubles == []


def say(page: Page, text: str) -> None:
    """Have the agent say this."""
    send(page, script(text=text, delay=0))
    finished(page)


def test_code_says_its_language_has_colours_and_can_be_copied_and_wrapped(
    page: Page, context: BrowserContext, record: Record
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert not any("highlight/" in url and "vendor" in url for url in record.requests), "not before it is needed"
    say(page, "Look:\n\n```python\ndef f():\n    return 'x'\n```\n\nand\n\n```nosuch\nplain <b>\n```")
    first, second = reply(page).locator(".code").all()
    expect(first.locator(".code-language")).to_have_text("python")
    expect(first.locator(".hljs-keyword").first).to_have_text("def")
    expect(second.locator("code")).to_have_text("plain <b>\n")
    expect(second.locator("code span")).to_have_count(0)
    first.get_by_role("button", name="Copy").click()
    expect(first.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "def f():\n    return 'x'\n"
    wrap = first.get_by_role("button", name="Wrap")
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")
    expect(first.locator("pre")).to_have_css("white-space", "pre-wrap")
    asked = [url for url in record.requests if "vendor/highlight/" in url]
    assert len(asked) == 2, "the highlighter and one language"
    expect(first.get_by_role("button", name="Copy", exact=True)).to_be_visible()


def test_formulas_are_drawn_and_what_is_none_stays_as_it_was_written(page: Page, record: Record) -> None:
    assert not any("katex" in url for url in record.requests)
    say(page, "So $x^2$ and\n\n$$\n\\sqrt{\\frac{1}{2}}\n$$\n\nbut $\\nosuch{x}$ and $5 or $6.")
    text = reply(page).locator(".text")
    expect(text.locator(".formula")).to_have_count(2)
    expect(text.locator(".formula-display math")).to_have_count(1)
    expect(text.locator("code.math")).to_have_text("\\nosuch{x}")
    expect(text).to_contain_text("$5 or $6.")
    expect(text.locator(".katex").first).to_have_css("font-family", re.compile("^KaTeX_Main"))


def drawing(page: Page) -> FrameLocator:
    """The inside of the diagram's frame."""
    return reply(page).frame_locator("iframe")


def test_a_diagram_is_drawn_in_a_frame_that_can_do_nothing_else(page: Page, record: Record) -> None:
    assert not any("mermaid" in url for url in record.requests)
    say(page, "```mermaid\ngraph TD\n  A[One] --> B[Two]\n```")
    frame = reply(page).locator("iframe")
    expect(drawing(page).locator("svg")).to_contain_text("One")
    expect(frame).to_have_attribute("sandbox", "allow-scripts")
    expect(frame).to_be_visible()
    expect(reply(page).locator("pre")).to_be_hidden()
    inside = page.frames[-1]
    assert inside.evaluate("self.origin") == "null"
    assert inside.evaluate("fetch('/api/me').then(() => 'sent', () => 'refused')") == "refused"
    record.troubles.clear()  # the browser has said that it refused
    reply(page).get_by_role("button", name="Source").click()
    expect(reply(page).locator("pre")).to_be_visible()
    expect(frame).to_be_hidden()


def test_a_diagram_follows_the_theme_once_it_is_drawn(page: Page, record: Record) -> None:
    say(page, "```mermaid\ngraph TD\n  A[One] --> B[Two]\n```")
    node = drawing(page).locator(".node rect").first
    expect(node).to_have_css("fill", LIGHT_NODE)
    page.get_by_label("Colours").select_option("dark")
    expect(node).to_have_css("fill", DARK_NODE)
    page.get_by_label("Colours").select_option("light")
    expect(node).to_have_css("fill", LIGHT_NODE)
    page.get_by_label("Colours").select_option("")
    page.emulate_media(color_scheme="dark")
    expect(node).to_have_css("fill", DARK_NODE)
    expect(drawing(page).locator("svg")).to_have_count(1)


def test_a_diagram_that_is_none_shows_its_source(page: Page, record: Record) -> None:
    say(page, "```mermaid\nthis is no diagram\n```")
    expect(reply(page).get_by_text("This diagram could not be drawn")).to_be_visible()
    expect(reply(page).locator("pre")).to_have_text("this is no diagram\n")
    expect(reply(page).locator("iframe")).to_have_count(0)


def test_a_hostile_diagram_runs_and_loads_nothing(page: Page, record: Record, server: ServerProcess) -> None:
    say(
        page,
        "```mermaid\n%%{init: {'securityLevel': 'loose', 'themeCSS': '@import url(https://evil.example/x.css)'}}%%\n"
        'graph TD\n  A["<img src=https://evil.example/x onerror=parent.ran=1>"] --> B\n'
        '  click A href "javascript:parent.ran=2"\n  click B call alert(1)\n```',
    )
    expect(drawing(page).locator("svg").or_(reply(page).get_by_text("could not be drawn"))).to_have_count(1)
    assert record.dialogs == []
    assert page.evaluate("window.ran") is None
    # What the drawing asked for was refused before it left, and the browser has said so.
    assert all("csp" in why for url, why in record.failures.items() if "evil.example" in url), record.failures
    record.requests[:] = [url for url in record.requests if url not in record.failures]
    record.troubles.clear()


def test_a_link_says_where_it_leads_before_it_opens(page: Page, record: Record) -> None:
    say(page, "Read [the manual](https://docs.example/a?b=1).")
    link = reply(page).get_by_role("link", name="the manual")
    link.click()
    card = reply(page).get_by_role("group", name="Where this link leads")
    expect(card).to_contain_text("https://docs.example/a?b=1")
    opening = card.get_by_role("link", name="Open in a new tab")
    expect(opening).to_be_focused()
    expect(opening).to_have_attribute("rel", "noopener noreferrer")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(link).to_be_focused()


def test_a_footnotes_number_leads_to_it(page: Page, record: Record) -> None:
    say(page, "A claim[^1].\n\n[^1]: Its *source*.\n\n- [x] done\n- [ ] open")
    reply(page).get_by_role("button", name="Footnote 1").click()
    expect(reply(page).locator(".footnote")).to_be_focused()
    expect(reply(page).locator(".footnote em")).to_have_text("source")
    expect(reply(page).locator(".task-item")).to_have_text(["☑ done", "☐ open"])


def test_half_written_markdown_is_never_seen_raw(page: Page, record: Record) -> None:
    page.evaluate(
        """() => {
            window.seen = new Set();
            new MutationObserver(() => {
                const text = [...document.querySelectorAll(".from-agent .text")].at(-1)?.textContent ?? "";
                if (/[*`|~]|\\]\\(|\\$\\$/.test(text)) window.seen.add(text.slice(-60));
            }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    text = (
        "Some **bold words** and *others*, `code`, [a link](https://a.example/).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```python\nx = 1\n```\n\n- **one**\n- ~~two~~\n\n$$\nx^2\n$$\n\nEnd."
    )
    send(page, script(text=text, delay=0.02))
    finished(page)
    assert page.evaluate("[...window.seen]") == []


def test_axe_finds_nothing_in_what_replies_are_made_of(page: Page, record: Record) -> None:
    code = "// a comment\nconst a: Map<string, number> = new Map([['x', 1]]);\nif (/re/.test(`t`)) throw null;"
    say(
        page,
        f"A [link](https://a.example/x) and a note[^1], $x^2$.\n\n```ts\n{code}\n```\n\n```ts\n{code}\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```mermaid\ngraph TD\n A-->B\n```\n\n- [x] done\n\n[^1]: Its source.",
    )
    expect(reply(page).locator(".hljs-keyword").first).to_be_visible()
    expect(reply(page).locator(".formula")).to_be_visible()
    expect(reply(page).locator("iframe")).to_be_visible()
    reply(page).get_by_role("link", name="link").click()
    expect(reply(page).get_by_role("group", name="Where this link leads")).to_be_visible()
    assert violations(page) == []


def test_a_first_visit_costs_less_than_a_quarter_megabyte(browser: Browser, server: ServerProcess) -> None:
    page = browser.new_page()
    bodies: dict[str, int] = {}
    page.on("requestfinished", lambda request: bodies.update({request.url: request.sizes()["responseBodySize"]}))
    open_page(page, server.url)
    say(page, "Some *words*.")
    assert sum(bodies.values()) > 50_000
    assert sum(bodies.values()) < FIRST_LOAD, sorted(bodies.items(), key=lambda item: -item[1])[:10]
    page.close()


@pytest.mark.parametrize("path", ["api/docs", "admin/login/", "accounts/login/"])
def test_the_other_pages_work_under_their_policy(page: Page, server: ServerProcess, path: str) -> None:
    record = Record(page)
    page.goto(server.url + path)
    shown = page.get_by_role("button", name="Log in").or_(page.get_by_role("button", name="Sign in"))
    expect(shown.or_(page.get_by_role("heading", name="Polylogue"))).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert record.troubles == []
    assert [url for url in record.requests if not url.startswith((server.url, "data:"))] == []
