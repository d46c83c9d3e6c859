"""What a process that dies, or ends, or must not start does to replies: nothing that anyone was shown is lost.

All of it is about the embedded default, one process with a SQLite file.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chat.agents.scripted import numbered_words
from tests import TIMEOUT
from tests.follower import Follower, comparable, following, fresh_state, settled
from tests.people import Person, new_person, script
from tests.process import ROOT
from tests.server import ServerProcess
from tests.services import free_port
from tests.state import Frame, State, shown
from tests.wire import Wire

LONG = {"words": 100_000, "delay": 0.002}


async def streaming(person: Person, wire: Wire, *, beyond: str = "word20 ", **fields: Any) -> tuple[str, str]:
    """A new chat in which a reply has come beyond some word; returns the chat and the reply."""
    chat = await person.new_chat()
    await wire.ask("chat.open", chat=chat)
    sent = await wire.ask("message.send", chat=chat, text=script(**(fields or LONG)), client_id="m")
    await wire.until(lambda: beyond in shown(wire.frames, chat, sent["reply"])[1])
    return chat, sent["reply"]


async def draining(wire: Wire, chat: str) -> Frame:
    """Send until the server says that it is going; returns its refusal."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            answer = await wire.answer(await wire.post("message.send", chat=chat, text="hello", client_id="late"))
            if answer.get("code") == "draining":
                return answer
            await asyncio.sleep(0.01)


async def reply_of(person: Person, chat: str, reply: str) -> tuple[str, str, Any]:
    """A reply by HTTP: status, text, error."""
    message = await person.api("GET", f"chats/{chat}/messages/{reply}")
    return message["status"], "".join(part["text"] for part in message["parts"]), message["error"]


async def test_a_killed_server_keeps_every_word_that_anyone_was_shown() -> None:
    with ServerProcess(embedded=True) as server:
        person = new_person(server)
        async with Wire(person) as one, Wire(person) as other:
            replies = [await streaming(person, one) for _ in range(3)]
            for chat, _ in replies:
                await other.ask("chat.open", chat=chat)
            await asyncio.to_thread(server.kill)
            assert await one.close_code() == await other.close_code() == 1006
            seen = [max(shown(wire.frames, chat, reply)[1] for wire in (one, other)) for chat, reply in replies]
        await asyncio.to_thread(server.start)
        for (chat, reply), shown_text in zip(replies, seen, strict=True):
            status, text, error = await reply_of(person, chat, reply)
            assert (status, error["code"]) == ("interrupted", "interrupted")
            assert shown_text
            assert text.startswith(shown_text)
            assert numbered_words(100_000).startswith(text.rstrip())
        async with Wire(person) as wire:
            chat, reply = replies[0]
            await wire.ask("chat.open", chat=chat)
            again = await wire.ask("message.send", chat=chat, text=script(words=3, delay=0), client_id="again")
            await wire.until(lambda: shown(wire.frames, chat, again["reply"]) == ("complete", "word1 word2 word3"))


async def test_clients_of_a_killed_server_come_back_to_the_same_state() -> None:
    with ServerProcess(embedded=True) as server:
        person = new_person(server)
        chats = [await person.new_chat() for _ in range(2)]
        followers = [Follower(person, chats, cuts=[at], pauses=[0.0]) for at in range(8, 48, 4)]
        async with following(*followers):
            async with Wire(person) as wire:
                for number, chat in enumerate(chats):
                    await wire.ask("message.send", chat=chat, text=script(**LONG), client_id=f"{number}")
                for follower in followers:
                    await follower.until(functools.partial(_has_seen_much, follower))
                for follower in followers:
                    follower.online.clear()
                await asyncio.to_thread(server.kill)
            shown_before = [follower.state for follower in followers]
            await asyncio.to_thread(server.start)
            for follower in followers:
                follower.online.set()
            await settled(person, *followers)
        fresh = await fresh_state(person, chats)
        for follower, before in zip(followers, shown_before, strict=True):
            assert follower.faults == []
            assert comparable(follower.state) == fresh
            for chat, known in before.open.items():
                for message_id, message in known.messages.items():
                    now = follower.state.open[chat].messages[message_id]
                    assert now["parts"][0]["text"].startswith("".join(part["text"] for part in message["parts"]))


def _has_seen_much(follower: Follower, _: State) -> bool:
    return follower.shown["run.events"] > 20


async def test_sigterm_in_the_middle_closes_sockets_as_going_away_and_keeps_the_reply() -> None:
    with ServerProcess(embedded=True, arguments=["--drain", "2"]) as server:
        person = new_person(server)
        async with Wire(person) as wire:
            long, short = (
                await streaming(person, wire),
                await streaming(person, wire, beyond="word3 ", words=40, delay=0.01),
            )
            ending = asyncio.create_task(asyncio.to_thread(server.terminate))
            assert (await draining(wire, short[0]))["retry_after"] > 0
            assert await wire.close_code() == 4503
            assert await ending == 0
        assert "Traceback" not in server.log
        await asyncio.to_thread(server.start)
        assert (await reply_of(person, *short))[:2] == ("complete", numbered_words(40))
        status, text, error = await reply_of(person, *long)
        assert status == "interrupted"
        assert "restarted" in error["message"]
        assert text.startswith(shown(wire.frames, *long)[1])


async def test_sigterm_during_handshakes_ends_in_order() -> None:
    with ServerProcess(embedded=True, arguments=["--drain", "0.2"]) as server:
        person = new_person(server)

        async def knock() -> int:
            wire = Wire(person)
            try:
                await wire.connect()
            except OSError:
                return 0
            return await wire.close_code()

        knocking = [asyncio.create_task(knock()) for _ in range(40)]
        await asyncio.sleep(0.02)  # in the middle of them, wherever that is
        assert await asyncio.to_thread(server.terminate) == 0
        codes = await asyncio.gather(*knocking, return_exceptions=True)
        assert {code for code in codes if isinstance(code, int)} <= {0, 1006, 4503}
        assert "Traceback" not in server.log


async def test_a_second_sigterm_ends_at_once_and_the_next_start_keeps_the_reply() -> None:
    with ServerProcess(embedded=True, arguments=["--drain", "60"]) as server:
        person = new_person(server)
        async with Wire(person) as wire:
            chat, reply = await streaming(person, wire)
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            await draining(wire, chat)
            assert await asyncio.to_thread(server.terminate) == 0
            _, text = shown(wire.frames, chat, reply)
        await asyncio.to_thread(server.start)
        status, kept, _ = await reply_of(person, chat, reply)
        assert status == "interrupted"
        assert kept.startswith(text)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One for the tests that leave theirs alive."""
    with ServerProcess(embedded=True) as process:
        yield process


def test_a_second_server_on_the_same_database_is_refused_and_the_first_goes_on(server: ServerProcess) -> None:
    refused = server.manage("serve", "--port", "0")
    assert refused.returncode == 1
    assert "REDIS_URL" in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr
    assert new_person(server).call("GET", "me").status == 200


async def test_a_database_locked_by_another_delays_words_and_loses_none(server: ServerProcess) -> None:
    person = new_person(server)
    async with Wire(person) as wire:
        chat, reply = await streaming(person, wire, beyond="word9 ", words=60_000, delay=0)
        async with asyncio.timeout(4 * TIMEOUT):
            await asyncio.to_thread(_hold_the_lock, server, 3.0)
        await wire.until(lambda: shown(wire.frames, chat, reply)[0] == "complete", within=2 * TIMEOUT)
        assert shown(wire.frames, chat, reply)[1] == numbered_words(60_000)
        assert wire.largest < 512 * 1024
    assert "Traceback" not in server.log


def _hold_the_lock(server: ServerProcess, seconds: float) -> None:
    with closing(sqlite3.connect(server.database, timeout=TIMEOUT, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        database.execute("ROLLBACK")


class PlainDaphne(ServerProcess):
    """The application under daphne's own command, which says nothing of lifespan, signals or draining."""

    def start(self) -> None:
        self.port = self.port or free_port()
        self.env["DJANGO_SETTINGS_MODULE"] = "config.settings"
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "config.asgi:application"]
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + 4 * TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, self.log
                time.sleep(0.02)
            else:
                return


async def test_plain_daphne_serves_the_same_and_loses_as_little() -> None:
    with PlainDaphne(embedded=True) as server:
        person = new_person(server)
        async with Wire(person) as wire:
            short = await streaming(person, wire, beyond="word3", words=3, delay=0)
            long = await streaming(person, wire)
            assert await asyncio.to_thread(server.terminate) is not None
            _, text = shown(wire.frames, *long)
        await asyncio.to_thread(server.start)
        assert (await reply_of(person, *short))[:2] == ("complete", "word1 word2 word3")
        status, kept, _ = await reply_of(person, *long)
        assert status == "interrupted"
        assert kept.startswith(text)
