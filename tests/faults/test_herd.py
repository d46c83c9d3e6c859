"""Many clients that come back at once, and clocks that disagree."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidHandshake

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    ENV,
    LEASE,
    TAKEOVER,
    WHOLE,
    Watcher,
    all_agree,
    ask,
    assert_calm,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    gone,
    until,
    watching,
)
from tests.people import new_person
from tests.services import Postgres
from tests.state import text_of
from tests.wire import Wire

pytestmark = [pytest.mark.timeout(12 * TIMEOUT), pytest.mark.long]
CLIENTS = 1000 if WHOLE else 200
COUNTED = 11.0
"""Seconds after which each connection has told Postgres what it did: one that has nothing more to do, after 10."""


def statements(cluster: Cluster) -> int:
    """Transactions that the cluster's database has ended; each read outside of one counts as one."""
    with psycopg.connect(cluster.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        row = connection.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def connected(wire: Wire) -> None:
    """As the page does: where a worker has too much to do for a handshake in its time, once more after a while."""
    pause = 0.5
    async with asyncio.timeout(4 * TIMEOUT):
        while True:
            try:
                await wire.connect()
            except (InvalidHandshake, OSError):
                pause = min(2 * pause, 8)
                await asyncio.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311  # keeps no secret
            else:
                break


@pytest_asyncio.fixture
async def open_wires() -> AsyncIterator[list[Wire]]:
    """Those put here are closed in the end: open ones would count against the tests that come after."""
    wires: list[Wire] = []
    yield wires
    for wire in wires:
        wire.cut()
    await asyncio.gather(*(wire.close() for wire in wires))


async def test_clients_that_all_come_back_at_once_are_all_back_and_ask_for_little(
    cluster: Cluster, open_wires: list[Wire]
) -> None:
    left, stays = cluster.workers
    person = new_person(stays)
    chats = [await person.new_chat() for _ in range(5)]
    asked = [await ask(person, chat, words=100_000, delay=0.05) for chat in chats]

    async def come(number: int, version: int | None, runs: dict[str, int]) -> Wire:
        wire = Wire(at(person, left if version is None else stays))
        await connected(wire)
        open_wires.append(wire)
        await wire.until(lambda: wire.frames, within=4 * TIMEOUT)
        chat = chats[number % len(chats)]
        cursors = {} if version is None else {"version": version, "runs": runs}
        sent = await wire.post("chat.open", chat=chat, **cursors)
        await wire.until(lambda: any(frame.get("id") == sent for frame in wire.frames), within=4 * TIMEOUT)
        return wire

    wires = await asyncio.gather(*(come(number, None, {}) for number in range(CLIENTS)))
    first = [await wire.frame("chat.snapshot") for wire in wires]
    pid = left.pid
    left.kill()
    assert gone(pid)
    for wire in wires:
        assert await wire.close_code() == 1006
    before = statements(cluster)
    began = time.monotonic()
    back = await asyncio.gather(
        *(
            come(number, frame["version"], {run["run"]: run["seq"] for run in frame["runs"]})
            for number, frame in enumerate(first)
        )
    )
    assert time.monotonic() - began < 4 * TIMEOUT
    for wire in back:
        assert (await wire.frame("run.events"))["type"] == "run.events"
    await until(lambda: statements(cluster) - before > CLIENTS, "Postgres to count what was asked")
    await asyncio.sleep(COUNTED)
    # Who each is, the list's version, and a chat that is theirs: a handful each, and no more for being many at once.
    assert statements(cluster) - before < 10 * CLIENTS
    for run in asked:
        await person.api("POST", f"runs/{run.run}/stop")
    for run in asked:
        await ended(person, run)
    for wire in back:
        await wire.frame("chat.changed")
    assert_calm(cluster)


async def test_workers_whose_clocks_are_hours_apart_agree_on_everything(postgres: Postgres) -> None:
    with Cluster(postgres=postgres, env=ENV) as cluster:
        behind = cluster.join(env={"DJANGO_SETTINGS_MODULE": "tests.faults.skewed", "SKEW": str(-5 * 3600)})
        ahead = cluster.join(env={"DJANGO_SETTINGS_MODULE": "tests.faults.skewed", "SKEW": str(7 * 3600)})
        right = cluster.workers[0]
        person = new_person(right)
        chats = [await person.new_chat() for _ in range(3)]
        workers = (right, behind, ahead)
        watchers = [Watcher(at(person, worker), chats) for worker in workers]
        async with watching(*watchers):
            for number in range(6):
                runs = [
                    await ask(at(person, workers[(number + shift) % 3]), chat, words=40, delay=0.005)
                    for shift, chat in enumerate(chats)
                ]
                for run in runs:
                    assert_in_full(text_of(await ended(person, run)), 40)
            await all_agree(person, *watchers)
            # One that is ahead by hours takes nobody for dead, and is not taken for alive when it is dead.
            began = time.monotonic()
            await until(lambda: time.monotonic() - began > 1.5 * LEASE, "a lease and a half", 2 * LEASE)
            assert all(TAKEOVER not in worker.log for worker in cluster.workers)
            orphan = await ask(at(person, ahead), chats[0], words=100_000, delay=0.01)
            await watchers[0].has_seen(orphan.reply, 20)
            pid = ahead.pid
            ahead.kill()
            assert gone(pid)
            watchers[2].person = person
            assert (await ended(person, orphan, LEASE + TIMEOUT))["status"] == "interrupted"
            await all_agree(person, *watchers)
        for chat in chats:
            page = (await person.api("GET", f"chats/{chat}/messages"))["messages"]
            assert [message["position"] for message in page] == sorted(message["position"] for message in page)
            assert [message["role"] for message in page[:12]] == 6 * ["user", "assistant"]
        assert assert_ended_once(cluster, orphan) == "interrupted"
        # The clocks were really apart.
        times = {row[0].hour for row in right.execute("SELECT created_at FROM chat_message")}
        assert len(times) > 2
        assert_calm(cluster)
