"""Redis is gone or hangs: reading, opening and signing in stay fast, and who wants to post is told."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from chat.runs.flusher import AWAY
from tests import TIMEOUT
from tests.http import Answer, cookies_of, fetch
from tests.people import Person, new_person, script
from tests.server import ServerProcess
from tests.services import Valkey, databases, free_port
from tests.state import Frame
from tests.wire import Wire

pytestmark = pytest.mark.timeout(8 * TIMEOUT)

FAST = 2.0
"""Seconds within which a person's request is answered, also on a busy machine."""


@pytest.fixture(params=["killed", "hanging"])
def away(request: pytest.FixtureRequest) -> Iterator[tuple[ServerProcess, Callable[[], None], Callable[[], None]]]:
    """A server, what takes its Redis away, and what brings it back."""
    database = databases().new()
    with Valkey() as redis:
        ways = {"killed": (redis.kill, redis.start), "hanging": (redis.pause, redis.resume)}
        with ServerProcess(env={"DATABASE_URL": database, "REDIS_URL": redis.url()}, embedded=False) as server:
            try:
                yield server, *ways[request.param]
            finally:
                redis.resume()
    databases().drop(database)


def quickly(ask: Callable[[], Answer], within: float = FAST) -> Answer:
    began = time.monotonic()
    answer = ask()
    assert time.monotonic() - began < within
    return answer


def seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def sign_in(person: Person) -> Answer:
    """Sign in by the page's form, with a password."""
    password = PBKDF2PasswordHasher().encode("secret", "salt")
    server = person.server
    server.execute("UPDATE accounts_user SET password = %s, username = id WHERE id = %s", password, person.id)
    page = fetch(server.url + "accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "username": person.id, "password": "secret"}
    headers = {"Cookie": cookies_of(page), "Content-Type": "application/x-www-form-urlencoded"}
    return fetch(server.url + "accounts/login/", method="POST", headers=headers, body=urlencode(form).encode())


async def test_without_redis_people_come_in_and_read_and_who_posts_is_told(
    away: tuple[ServerProcess, Callable[[], None], Callable[[], None]],
) -> None:
    server, take, give_back = away
    person = new_person(server)
    first, second = await person.new_chat(), await person.new_chat()
    async with Wire(person) as before:
        usual = seconds(lambda: sign_in(new_person(server)))
        await asyncio.to_thread(take)

        assert quickly(lambda: fetch(server.url)).status == 200, "a guest gets in"
        # Most of it goes into the password.
        assert quickly(lambda: sign_in(new_person(server)), within=FAST + 3 * usual).status == 302
        assert quickly(lambda: person.call("GET", "chats")).status == 200
        assert quickly(lambda: person.call("GET", f"chats/{first}/messages")).status == 200
        assert quickly(lambda: fetch(server.url + "healthz")).status == 200
        assert quickly(lambda: fetch(server.url + "readyz")).status == 200
        began = time.monotonic()
        async with Wire(new_person(server)) as wire:
            assert await wire.refusal("chat.open", chat=first)
        await before.ask("chat.open", chat=first)
        await before.ask("chat.create", client_id="new")
        assert time.monotonic() - began < FAST

        # Nobody has tried to write to the log yet, so the first message goes through; a second later the worker knows.
        reply = (await before.ask("message.send", chat=first, text=script(words=5), client_id="one"))["run"]
        await asyncio.to_thread(log_is_away, server)
        refusal = await before.refusal("message.send", chat=second, text=script(words=5), client_id="two")
        assert (refusal["code"], refusal["retry_after"]) == ("unavailable", 2.0)
        assert "the message was not sent" in refusal["message"]
        by_http = await asyncio.to_thread(
            person.call, "POST", f"chats/{second}/messages", {"text": "Hello", "client_id": "two"}
        )
        assert (by_http.status, by_http.headers["retry-after"]) == (503, "2")

        await asyncio.to_thread(give_back)
        assert await before.until(lambda: ended(before, reply), within=2 * TIMEOUT)
        await before.ask("chat.open", chat=second)
        async with asyncio.timeout(TIMEOUT):
            while (answer := await again(before, second))["type"] == "error":  # noqa: ASYNC110  # as a client would
                await asyncio.sleep(0.1)
        assert await before.until(lambda: ended(before, answer["run"]))
    assert "guests are not counted" in server.log
    assert "Traceback" not in re.sub(r".*(chat\.notes|channels_redis).*", "", server.log)


def test_a_worker_starts_and_ends_without_redis() -> None:
    database = databases().new()
    env = {"DATABASE_URL": database, "REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    with ServerProcess(env=env, embedded=False, arguments=["--probe-period", "0"]) as server:
        assert quickly(lambda: fetch(server.url)).status == 200
        assert server.terminate() == 0
    databases().drop(database)


def log_is_away(server: ServerProcess) -> None:
    """Return when the worker has failed to write to its log for longer than `AWAY`."""
    deadline = time.monotonic() + TIMEOUT
    while "the run log does not answer" not in server.log:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(AWAY)


async def again(wire: Wire, chat: str) -> Frame:
    """What is answered to the message that was refused."""
    return await wire.answer(await wire.post("message.send", chat=chat, text=script(words=5), client_id="two"))


def ended(wire: Wire, run: str) -> bool:
    """Whether `wire` has been told of the run's end."""
    return any(
        each["run"] == run and each["status"] == "completed"
        for frame in wire.frames
        if frame["type"] == "chat.changed"
        for each in frame["change"].get("runs", [])
    )
