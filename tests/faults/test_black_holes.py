"""A line to Postgres that swallows every packet: TCP says nothing, and neither does anyone else.

Workers with the real lease, since it is what TCP's time-outs have to fit in.
"""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from chat.runs.heartbeat import LEASE
from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    TAKEOVER,
    Watcher,
    all_agree,
    ask,
    assert_calm,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    takeovers,
    until,
    was_refused,
    watching,
)
from tests.faults.proxy import Proxy
from tests.http import Answer, fetch
from tests.people import Person, new_person, script
from tests.services import Postgres
from tests.state import text_of

pytestmark = [pytest.mark.timeout(16 * TIMEOUT), pytest.mark.long]
HOLE = 1.35 * LEASE
"""Seconds."""
ANSWERED = 35.0
"""Seconds within which a person is told that it does not work; nothing may wait for TCP's own quarter of an hour."""
CROWD = 40
"""Messages that are posted to a worker at once: many times the threads that it has for queries."""

_posting = ThreadPoolExecutor(2 * CROWD)


@contextmanager
def behind(line: Proxy, postgres: Postgres, *numbers: int) -> Iterator[Cluster]:
    """Two workers, of which those with these numbers reach Postgres by that line."""
    cluster = Cluster(postgres=postgres)
    cluster.postgres_ports = dict.fromkeys(numbers, line.port)
    with cluster:
        yield cluster


async def post(person: Person, chat: str) -> tuple[Answer, float]:
    """Post the message of a chat, again if it was tried before; the answer, and the seconds that it took."""
    body = json.dumps({"client_id": "m", "text": script(words=5)}).encode()
    url = f"{person.server.url}api/chats/{chat}/messages"
    began = time.monotonic()
    asking = functools.partial(fetch, url, method="POST", headers=person.headers, body=body, timeout=3 * ANSWERED)
    answer = await asyncio.get_running_loop().run_in_executor(_posting, asking)
    return answer, time.monotonic() - began


async def waited(seconds: float, since: float) -> None:
    await until(lambda: time.monotonic() - since > seconds, "the hole to last", 2 * seconds)


async def test_with_postgres_in_a_black_hole_replies_go_on_people_are_told_and_all_is_well_afterwards(
    postgres: Postgres,
) -> None:
    with Proxy(postgres.socket) as line, behind(line, postgres, 0, 1) as cluster:
        first = new_person(cluster.workers[0])
        people = [at(first, worker) for worker in cluster.workers]
        chats = [await first.new_chat() for _ in range(4)]
        crowd = [(person, await first.new_chat()) for _ in range(CROWD) for person in people]
        watchers = [Watcher(person, chats) for person in people]
        async with watching(*watchers):
            # Some end in the hole, some after it.
            lengths = [300, 600, 5000, 6000]
            asked = [
                await ask(people[number % 2], chat, words=lengths[number], delay=0.01)
                for number, chat in enumerate(chats)
            ]
            for run in asked:
                await watchers[0].has_seen(run.reply, 5)
            with line.black_hole():
                began = time.monotonic()
                shown = [len(watcher.texts[asked[-1].reply]) for watcher in watchers]
                refused = await asyncio.gather(*(post(person, chat) for person, chat in crowd))
                print(f"told after {max(seconds for _, seconds in refused):.0f} s")  # noqa: T201  # worth knowing
                for answer, seconds in refused:
                    assert (answer.status, json.loads(answer.body)["code"]) == (503, "unavailable")
                    assert seconds < ANSWERED
                for watcher, before in zip(watchers, shown, strict=True):
                    assert len(watcher.texts[asked[-1].reply]) > before
                await waited(HOLE, began)

            async def posted(person: Person, chat: str) -> bool:
                return (await post(person, chat))[0].status == 200

            for person, chat in crowd:
                await until(functools.partial(posted, person, chat), "a message to be posted again", TIMEOUT)
                page = await person.api("GET", f"chats/{chat}/messages")
                assert [message["role"] for message in page["messages"]] == ["user", "assistant"]
            for person, run, length in zip(2 * people, asked, lengths, strict=True):
                reply = await ended(person, run, 6 * TIMEOUT)
                assert reply["status"] == "complete"
                assert_in_full(text_of(reply), length)
            await all_agree(first, *watchers)
        for run in asked:
            assert assert_ended_once(cluster, run) == "completed"
        for worker in cluster.workers:
            assert TAKEOVER not in worker.log
        assert_calm(cluster)


async def test_a_worker_that_alone_loses_postgres_for_longer_than_a_lease_loses_its_runs_and_nothing_shown(
    postgres: Postgres,
) -> None:
    with Proxy(postgres.socket) as line, behind(line, postgres, 0) as cluster:
        owner, other = cluster.workers
        person = new_person(owner)
        survivor = at(person, other)
        chats = [await person.new_chat() for _ in range(2)]
        watchers = [Watcher(each, chats) for each in (person, survivor)]
        async with watching(*watchers):
            asked = [await ask(person, chat, words=100_000, delay=0.01) for chat in chats]
            for watcher in watchers:
                for run in asked:
                    await watcher.has_seen(run.reply, 50)
            with line.black_hole():
                replies = [await ended(survivor, run, LEASE + TIMEOUT) for run in asked]
            for run in asked:
                await until(functools.partial(was_refused, owner, run), "the owner to notice that it was refused")
            await all_agree(survivor, *watchers)
            # Its own connections are new ones, and it serves as before.
            again = await ask(person, await person.new_chat(), words=20, delay=0.01)
            assert_in_full(text_of(await ended(person, again)), 20)
        for run, reply in zip(asked, replies, strict=True):
            assert reply["status"] == "interrupted"
            assert takeovers(cluster, run.run) == 1
            assert assert_ended_once(cluster, run) == "interrupted"
            for watcher in watchers:
                assert watcher.texts[run.reply] == text_of(reply)
        assert_calm(cluster)
