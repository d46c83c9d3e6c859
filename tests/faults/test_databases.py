"""A database that is busy with others: sockets go on, and who asks waits for a moment or is told."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.conf import settings

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import Watcher, all_agree, ask, assert_in_full, at, ended, until, watching
from tests.http import Answer
from tests.people import new_person, script
from tests.server import ServerProcess
from tests.state import text_of
from tests.wire import Wire

pytestmark = pytest.mark.timeout(8 * TIMEOUT)
HELD = 3.0
"""Seconds for which a test keeps a lock."""
CROWD = 30
"""Messages that are posted at once: several times the threads that a worker has for queries."""


@contextmanager
def locked_chat(cluster: Cluster, chat: str) -> Iterator[None]:
    """Somebody else works on a chat, and whoever changes it waits."""
    with psycopg.connect(cluster.database_url) as connection:
        connection.execute("SELECT * FROM chat_chat WHERE id = %s FOR UPDATE", (chat,))
        yield
        connection.rollback()


def waiting_for_locks(cluster: Cluster) -> int:
    """How many of the workers' queries wait for a row that somebody else has locked."""
    with psycopg.connect(cluster.database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    assert row is not None
    return int(row[0])


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
    chats = [await person.new_chat() for _ in range(CROWD)]
    chat = await bystander.new_chat()
    watchers = [Watcher(at(bystander, each), [chat]) for each in calm.workers]
    watcher = watchers[0]

    def post(to: str) -> Answer:
        return person.call("POST", f"chats/{to}/messages", {"client_id": "m", "text": script(words=2)})

    async with watching(*watchers):
        asked = await ask(bystander, chat, words=1500, delay=0.01)
        await watcher.has_seen(asked.reply, 5)
        with ThreadPoolExecutor(CROWD) as clients, psycopg.connect(calm.database_url) as connection:
            connection.execute("SELECT * FROM chat_chat WHERE creator_id = %s FOR UPDATE", (person.id,))
            posting = [asyncio.get_running_loop().run_in_executor(clients, post, each) for each in chats]
            try:
                await until(
                    lambda: asyncio.to_thread(lambda: waiting_for_locks(calm) >= settings.DATABASE_THREADS),
                    "no thread to be left for anybody's query",
                )
                began, seen = time.monotonic(), len(watcher.texts[asked.reply])
                await until(lambda: time.monotonic() - began > HELD, "the lock to be held", 2 * HELD)
                # Tokens come all the same.
                assert len(watcher.texts[asked.reply]) > seen
                assert not any(task.done() for task in posting)
            finally:
                connection.rollback()
            answers = await asyncio.gather(*posting)
        assert {answer.status for answer in answers} <= {200, 503}
        assert_in_full(text_of(await ended(bystander, asked, 4 * TIMEOUT)), 1500)
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
