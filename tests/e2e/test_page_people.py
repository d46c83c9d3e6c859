"""The page for guests, for people with an account, with several agents, and where there is no socket."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.pages import Record, composer, finished, open_page, reply, script, send, start_chat
from tests.process import ROOT, clean_environment, manage
from tests.server import ServerProcess

QUICK = script(text="Yes.", delay=0)


def test_a_person_signs_in_chats_and_signs_out(page: Page) -> None:
    with ServerProcess(env={"GUESTS": "off", "DJANGO_SUPERUSER_PASSWORD": "correct horse"}) as server:
        made = server.manage("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
        assert made.returncode == 0, made.stderr
        page.goto(server.url)
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("complementary").get_by_text("ada", exact=True)).to_be_visible()
        url = start_chat(page, QUICK)
        finished(page)
        # The session ends elsewhere; signing in again leads back to the chat.
        page.context.clear_cookies()
        page.context.set_offline(True)
        expect(page.get_by_text("You are offline.")).to_be_visible()
        page.context.set_offline(False)
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(url)
        finished(page)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/accounts/login/**")
        page.goto(url)
        page.wait_for_url("**/accounts/login/**")


def test_a_guest_is_offered_to_sign_in(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    expect(page.get_by_role("complementary").get_by_text("Guest", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page.get_by_label("Agent")).to_have_count(0)


def test_with_several_agents_one_is_chosen_and_stays_with_the_chat(page: Page) -> None:
    agents = [{"name": "one", "title": "Uno"}, {"name": "two", "title": "Due"}]
    with ServerProcess(env={"AGENTS": json.dumps(agents)}) as server:
        record = Record(page)
        open_page(page, server.url)
        page.get_by_label("Agent").select_option("Due")
        start_chat(page, QUICK)
        finished(page)
        made = [frame for frame in record.sent if frame["type"] in ("chat.create", "message.send")]
        assert [frame["agent"] for frame in made] == ["two", "two"]
        expect(page.get_by_label("Agent")).to_have_value("two")
        page.reload()
        expect(page.get_by_label("Agent")).to_have_value("two")


def test_a_clipped_message_shows_all_when_asked(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, QUICK)
    finished(page)
    send(page, f"{'long ' * 40_000}and the very end")
    finished(page)
    page.reload()
    sent = page.locator(".from-user").last
    expect(sent).not_to_contain_text("and the very end")
    sent.get_by_role("button", name="Show all").click()
    expect(sent).to_contain_text("and the very end")
    expect(sent.get_by_role("button", name="Show all")).to_have_count(0)


def test_a_clipped_message_is_edited_whole(page: Page, server: ServerProcess) -> None:
    open_page(page, server.url)
    start_chat(page, f"{'long ' * 40_000}and the very end")
    finished(page)
    page.reload()
    sent = page.locator(".from-user")
    expect(sent.get_by_role("button", name="Show all")).to_be_visible()
    sent.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Edit your message")).to_have_value(re.compile("and the very end$"))


def test_where_there_is_no_socket_the_page_says_so_and_keeps_what_is_typed(page: Page, tmp_path: Path) -> None:
    env = clean_environment(
        DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}", DEBUG="on", DJANGO_SETTINGS_MODULE="config.settings"
    )
    assert manage("migrate", "-v0", env=env).returncode == 0
    serve = (
        "from wsgiref.simple_server import make_server; from config.wsgi import application\n"
        "server = make_server('127.0.0.1', 0, application)\n"
        "print(server.server_port, flush=True); server.serve_forever()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", serve], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout
        page.goto(f"http://127.0.0.1:{int(process.stdout.readline())}/")
        expect(page.locator(".banner")).to_be_visible()
        composer(page).fill("Kept")
        page.reload()
        expect(composer(page)).to_have_value("Kept")
        expect(reply(page)).to_have_count(0)
    finally:
        process.kill()
        process.communicate()
