"""A database that is busy with others: sockets go on, and who asks waits for a moment or is told."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import Watcher, all_agree, ask, assert_in_full, at, ended, until, watching
from tests.people import new_person, script
from tests.server import ServerProcess
from tests.state import text_of
from tests.wire import Wire

pytestmark = pytest.mark.timeout(8 * TIMEOUT)
HELD = 3.0
"""Seconds for which a test keeps a lock."""


@contextmanager
def locked_chat(cluster: Cluster, chat: str) -> Iterator[None]:
    """Somebody else works on a chat, and whoever changes it waits."""
    with psycopg.connect(cluster.database_url) as connection:
        connection.execute("SELECT * FROM chat_chat WHERE id = %s FOR UPDATE", (chat,))
        yield
        connection.rollback()


async def test_a_slow_query_holds_up_nobody_else(calm: Cluster) -> None:
    person, other = new_person(calm.workers[0]), new_person(calm.workers[0])
    slow, chat = await person.new_chat(), await other.new_chat()
    watchers = [Watcher(at(other, worker), [chat]) for worker in calm.workers]
    async with watching(*watchers), Wire(person) as held, Wire(other) as free:
        asked = await ask(other, chat, words=400, delay=0.01)
        with locked_chat(calm, slow):
            began = time.monotonic()
            waiting = await held.post("message.send", chat=slow, text=script(words=2), client_id="m")
            answered = 0
            while time.monotonic() - began < HELD:
                await free.ask("chat.create", client_id=f"c{answered}")
                answered += 1
                # As often as the limit of commands a minute allows, however fast the machine is.
                await asyncio.sleep(0.05)
            assert answered > HELD
            assert waiting not in {frame.get("id") for frame in held.frames}
        assert (await held.answer(waiting))["type"] == "ack"
        assert_in_full(text_of(await ended(other, asked)), 400)
        await all_agree(other, *watchers)


async def test_a_handshake_waits_as_long_as_its_look_at_the_session(calm: Cluster) -> None:
    """Longer than daphne would let it by itself: a herd that is cut off comes back while its queries still run."""
    person = new_person(calm.workers[0])
    with psycopg.connect(calm.database_url) as connection:
        connection.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        connecting = asyncio.create_task(person.connect())
        await until(lambda: time.monotonic() > began + 7, "more than daphne's 5 s")
        assert not connecting.done()
        connection.rollback()
    connected = await connecting
    assert b'"hello"' in await asyncio.wait_for(connected.recv(decode=False), TIMEOUT)
    await connected.close()


async def test_an_exhausted_pool_is_a_short_wait_or_a_clear_error_and_streams_go_on(calm: Cluster) -> None:
    worker = calm.workers[0]
    person, bystander = new_person(worker), new_person(worker)
    chats = [await person.new_chat() for _ in range(30)]
    chat = await bystander.new_chat()
    watchers = [Watcher(at(bystander, each), [chat]) for each in calm.workers]
    watcher = watchers[0]
    async with watching(*watchers):
        asked = await ask(bystander, chat, words=600, delay=0.01)
        await watcher.has_seen(asked.reply, 5)
        with psycopg.connect(calm.database_url) as connection:
            connection.execute("SELECT * FROM chat_chat WHERE creator_id = %s FOR UPDATE", (person.id,))
            posting = [
                asyncio.create_task(
                    asyncio.to_thread(
                        person.call, "POST", f"chats/{each}/messages", {"client_id": "m", "text": script(words=2)}
                    )
                )
                for each in chats
            ]
            began = time.monotonic()
            seen = len(watcher.texts[asked.reply])
            await until(lambda: time.monotonic() - began > HELD, "the lock to be held", 2 * HELD)
            # No thread is left for anybody's query, and tokens come all the same.
            assert len(watcher.texts[asked.reply]) > seen
            assert not any(task.done() for task in posting)
            connection.rollback()
        answers = await asyncio.gather(*posting)
        assert {answer.status for answer in answers} <= {200, 201, 202, 503}
        assert_in_full(text_of(await ended(bystander, asked)), 600)
        await all_agree(bystander, *watchers)
    page = await asyncio.gather(*(at(person, worker).api("GET", f"chats/{each}/messages") for each in chats))
    for answer, messages in zip(answers, page, strict=True):
        assert len(messages["messages"]) == (0 if answer.status == 503 else 2)


async def test_a_sqlite_file_that_is_locked_for_3_s_costs_a_short_wait() -> None:
    with ServerProcess(embedded=True) as server:
        person = new_person(server)
        chat = await person.new_chat()
        watchers = [Watcher(person, [chat]) for _ in range(2)]
        async with watching(*watchers):
            asked = await ask(person, chat, words=300, delay=0.01)
            for watcher in watchers:
                await watcher.has_seen(asked.reply, 5)
            with closing(sqlite3.connect(server.database, timeout=TIMEOUT, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                began = time.monotonic()
                creating = asyncio.create_task(person.new_chat("Made while it was locked"))
                reading = await person.api("GET", f"chats/{chat}/messages")
                assert len(reading["messages"]) == 2
                await until(lambda: time.monotonic() - began > HELD, "the lock to be held", 2 * HELD)
                assert not creating.done()
                other.execute("ROLLBACK")
            assert await creating
            assert_in_full(text_of(await ended(person, asked)), 300)
            await all_agree(person, *watchers)
        for watcher in watchers:
            assert_in_full(watcher.texts[asked.reply], 300)
        assert "Traceback" not in server.log
