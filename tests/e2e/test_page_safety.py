"""Nothing that a model or a person writes runs in the page, and nothing it names is loaded."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.pages import Record, finished, open_page, reply, script, send, start_chat
from tests.server import ServerProcess

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
HOSTILE: dict[str, str] = json.loads((FIXTURES / "hostile_markdown.json").read_text())
VECTORS: list[str] = json.loads((FIXTURES / "hostile_vectors.json").read_text())
"""Well-known ways to run or load something from HTML, Markdown and TeX, one by one."""

ALLOWED = {
    *("P", "BR", "HR", "H4", "STRONG", "EM", "S", "CODE", "PRE", "BLOCKQUOTE"),
    *("UL", "OL", "LI", "A", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "DIV", "SUP", "SPAN"),
}
ELEMENTS = ("script", "img", "svg", "math", "iframe", "form", "input", "style", "base", "meta", "link")
"""What must never come out of the sanitiser, whatever went in."""
ATTRIBUTES = (" on", " style=", " id=", " name=", 'href="javascript', 'href="data')

LOOK = """() => [...document.querySelectorAll(".from-agent .text *:not(.code-head *, sup *)")].map((element) => ({
    tag: element.tagName, attributes: Object.fromEntries([...element.attributes].map(({name, value}) => [name, value])),
}))"""


def test_a_hostile_reply_neither_runs_nor_loads_anything(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    for number, (name, text) in enumerate(HOSTILE.items()):
        # Word by word, so that every half-open state is drawn too.
        send(page, script(text=f"{text}\n\nThe end of {name}.", delay=0.005))
        expect(page.locator(".from-agent")).to_have_count(number + 1)
        finished(page)
        expect(reply(page)).to_contain_text(f"The end of {name}.")
        assert record.dialogs == [], name
        assert [url for url in record.requests if not url.startswith(server.url)] == [], name
        assert not any("/logout/" in url for url in record.requests), name
        assert record.troubles == [], name
        assert page.evaluate("document.activeElement.tagName") == "TEXTAREA", name
    for element in page.evaluate(LOOK):
        attributes = element["attributes"]
        assert element["tag"] in ALLOWED
        assert set(attributes) <= {
            *("class", "dir", "href", "title", "start", "rel", "target", "tabindex", "role", "aria-label")
        }
        if element["tag"] == "A":
            assert attributes["href"].startswith(("http://", "https://", "mailto:"))
            assert attributes["rel"] == "noopener noreferrer"
            assert attributes["target"] == "_blank"


def test_what_gets_past_the_parser_is_stopped_by_the_sanitiser(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    address = page.evaluate(
        """async () => {
            const map = JSON.parse(document.querySelector('script[type="importmap"]').textContent).imports;
            return map["/static/chat/markdown/sanitise.js"] ?? "/static/chat/markdown/sanitise.js";
        }"""
    )
    clean = """async ([address, html]) => {
        const { sanitise } = await import(address);
        const box = document.createElement("div");
        box.append(sanitise(html));
        document.body.append(box);
        const left = box.innerHTML;
        box.remove();
        return left;
    }"""
    for text in HOSTILE.values():
        left = page.evaluate(clean, [address, text]).lower()
        for element in ELEMENTS:
            assert f"<{element}" not in left
        for attribute in ATTRIBUTES:
            assert not any(attribute in tag.split(">")[0] for tag in left.split("<")[1:]), left
    kept = '<p><a href="https://ok.example/" title="t">a</a> <a href="/x">b</a> <a href="java\tscript:x">c</a></p>'
    assert page.evaluate(clean, [address, kept]) == (
        '<p><a href="https://ok.example/" title="t" rel="noopener noreferrer" target="_blank">a</a> '
        '<a rel="noopener noreferrer" target="_blank">b</a> <a rel="noopener noreferrer" target="_blank">c</a></p>'
    )
    assert record.dialogs == []
    assert [url for url in record.requests if not url.startswith(server.url)] == []


def test_hostile_text_cut_at_every_character_neither_runs_nor_loads_anything(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    drawn = page.evaluate(
        """async (texts) => {
            const map = JSON.parse(document.querySelector('script[type="importmap"]').textContent).imports;
            const load = (name) => import(map[`/static/chat/${name}`] ?? `/static/chat/${name}`);
            const { MarkdownBlocks } = await load("markdown/blocks.js");
            const { sanitise } = await load("markdown/sanitise.js");
            const { dress } = await load("view/dress.js");
            const { urls } = JSON.parse(document.getElementById("config").textContent);
            const box = document.body.appendChild(document.createElement("div"));
            const [frame, asked] = [() => new Promise(requestAnimationFrame), []];
            for (const text of texts) {
                const blocks = new MarkdownBlocks();
                for (let end = 1; end <= text.length; end++) {
                    const whole = end === text.length;
                    box.replaceChildren(...blocks.update(text.slice(0, end), !whole).map((html) => sanitise(html)));
                    dress(box, whole, urls);
                    for (const element of box.querySelectorAll("*:not(.formula *)")) {
                        for (const { name } of element.attributes) {
                            if (/^(on|src|style|id|name)/.test(name)) asked.push(`${element.tagName} ${name}: ${text}`);
                        }
                    }
                }
                for (const link of box.querySelectorAll("a")) {
                    if (!/^(https?|mailto):/.test(link.href)) asked.push(`${link.href}: ${text}`);
                }
                await frame();
            }
            box.remove();
            return asked;
        }""",
        VECTORS + list(HOSTILE.values()),
    )
    assert drawn == []
    assert record.dialogs == []
    assert [url for url in record.requests if not url.startswith(server.url)] == []
    assert record.troubles == []


def test_what_a_person_writes_is_text(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    text = "<img src=x onerror=alert(1)> **not bold** [x](javascript:alert(1))"
    send(page, text)
    finished(page)
    expect(page.locator(".from-user .bubble")).to_have_text(text)
    expect(page.locator(".from-user .bubble *")).to_have_count(0)
    expect(page.get_by_role("navigation").locator("img, script")).to_have_count(0)
    assert record.dialogs == []


def test_the_page_works_under_its_own_policy(page: Page, server: ServerProcess) -> None:
    record = Record(page)
    open_page(page, server.url)
    start_chat(page, script(markdown=True, delay=0, reasoning="Hm.", tool="look_up"))
    finished(page)
    expect(reply(page).get_by_role("heading", name="A heading")).to_be_visible()
    expect(reply(page).get_by_role("cell", name="1")).to_be_visible()
    assert record.troubles == []


def test_the_policy_stops_what_would_get_past_everything_else(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    ran = page.evaluate(
        """async () => {
            const box = document.createElement("div");
            box.innerHTML = '<img src="https://evil.example/x" onerror="window.ran = 1">'
                + '<a href="javascript:window.ran = 2">x</a>';
            document.body.append(box);
            box.querySelector("a").click();
            const made = document.createElement("div");
            made.innerHTML = "<b onclick='window.ran = 3'>b</b>";
            made.firstChild.click();
            const sent = await fetch("https://evil.example/").then(() => "sent", () => "refused");
            return [window.ran ?? "nothing ran", sent];
        }"""
    )
    assert ran == ["nothing ran", "refused"]
