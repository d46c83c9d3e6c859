"""Postgres that restarts or is away: what was acknowledged stays, each run ends once, and nobody takes the living for
dead.
"""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus

import psycopg
import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    LEASE,
    TAKEOVER,
    Watcher,
    all_agree,
    ask,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    gone,
    reply_of,
    until,
    watching,
)
from tests.people import Person, new_person
from tests.state import text_of
from tests.wire import Wire

pytestmark = pytest.mark.timeout(12 * TIMEOUT)
TALKS = 3
"""Chats of which each worker has a run."""


def assert_nobody_was_taken(cluster: Cluster) -> None:
    for worker in cluster.workers:
        assert TAKEOVER not in worker.log


async def talks(people: list[Person]) -> list[str]:
    return [await person.new_chat() for person in people for _ in range(TALKS)]


async def test_a_restart_mid_stream_costs_no_reply(cluster: Cluster) -> None:
    first = new_person(cluster.workers[0])
    people = [at(first, worker) for worker in cluster.workers]
    chats = await talks(people)
    watchers = [Watcher(person, chats) for person in people]
    async with watching(*watchers):
        # They end at any moment around the restart.
        asked = [
            await ask(people[number % 2], chat, words=100 + 150 * number, delay=0.01)
            for number, chat in enumerate(chats)
        ]
        await watchers[0].has_seen(asked[0].reply, 60)
        pid = cluster.postgres.pid
        await asyncio.to_thread(cluster.postgres.restart)
        assert gone(pid)
        for number, run in enumerate(asked):
            reply = await ended(people[0], run, 4 * TIMEOUT)
            assert reply["status"] == "complete"
            assert_in_full(text_of(reply), 100 + 150 * number)
        await all_agree(people[1], *watchers)
    for run in asked:
        assert assert_ended_once(cluster, run) == "completed"
    assert_nobody_was_taken(cluster)


@pytest.mark.parametrize(
    "leases", [0.9, pytest.param(1.35, marks=pytest.mark.long)], ids=["almost a lease", "more than a lease"]
)
async def test_an_outage_costs_no_reply_and_makes_nobody_take_the_living_for_dead(
    cluster: Cluster, leases: float
) -> None:
    first = new_person(cluster.workers[0])
    people = [at(first, worker) for worker in cluster.workers]
    chats = await talks(people)
    watchers = [Watcher(person, chats) for person in people]
    async with watching(*watchers):
        # Some end while it is away, some after.
        lengths = [150 + 200 * number for number in range(len(chats))]
        asked = [
            await ask(people[number % 2], chat, words=lengths[number], delay=0.01) for number, chat in enumerate(chats)
        ]
        # All have begun: what an agent is asked is read from the database.
        for run in asked:
            await watchers[0].has_seen(run.reply, 5)
        cluster.postgres.pause()
        try:
            began = time.monotonic()
            # Tokens need no database: they go on.
            longest = asked[-1]
            await watchers[0].has_seen(longest.reply, 200)
            await watchers[1].has_seen(longest.reply, 200)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await reply_of(people[0], asked[0])
            await until(lambda: time.monotonic() - began > leases * LEASE, "the outage to pass", 2 * LEASE)
        finally:
            cluster.postgres.resume()
        for number, run in enumerate(asked):
            reply = await ended(people[number % 2], run, 4 * TIMEOUT)
            assert reply["status"] == "complete"
            assert_in_full(text_of(reply), lengths[number])
        await all_agree(people[0], *watchers)
    for run in asked:
        assert assert_ended_once(cluster, run) == "completed"
    assert_nobody_was_taken(cluster)


async def test_while_it_is_gone_a_message_is_refused_and_sent_again_posts_it_once(cluster: Cluster) -> None:
    person = new_person(cluster.workers[0])
    elsewhere = at(person, cluster.workers[1])
    chat = await person.new_chat()
    async with Wire(person) as wire:
        await wire.ask("chat.open", chat=chat)
        await asyncio.to_thread(cluster.postgres.kill)
        try:
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(cluster.database_url)
            # It may wait for a connection for as long as the pool lets it, which is 10 s.
            posted = await wire.post("message.send", chat=chat, text="Hello", client_id="m")
            assert (await wire.answer(posted, within=2 * TIMEOUT)).get("code") == "unavailable"
        finally:
            await asyncio.to_thread(cluster.postgres.start)
        sent = await wire.ask("message.send", chat=chat, text="Hello", client_id="m")
    async with Wire(elsewhere) as wire:
        again = await wire.ask("message.send", chat=chat, text="Hello", client_id="m")
        assert [again[name] for name in ("message", "reply", "run")] == [
            sent[name] for name in ("message", "reply", "run")
        ]
        page = await elsewhere.api("GET", f"chats/{chat}/messages")
        assert len(page["messages"]) == 2


async def test_of_messages_that_a_restart_met_each_is_posted_once_when_it_is_sent_again(cluster: Cluster) -> None:
    # The connection breaks under transactions that are just being committed: some of them have been, some not.
    person = new_person(cluster.workers[0])
    for _ in range(5):
        if "unavailable" in await sent_during_a_restart(cluster, person):
            return
    pytest.fail("no message met the restart")


async def sent_during_a_restart(cluster: Cluster, person: Person) -> list[str]:
    """Send messages while Postgres restarts, and again, after which each is there once and answered; what was said
    first of each: the id of its run, or a code."""
    chats = [await person.new_chat() for _ in range(40)]

    async def send(chat: str) -> str:
        async with Wire(person) as wire:
            posted = await wire.post("message.send", chat=chat, text='/script {"words": 3}', client_id="m")
            answer = await wire.answer(posted, within=2 * TIMEOUT)
            return str(answer.get("run") or answer["code"])

    sending = [asyncio.create_task(send(chat)) for chat in chats]
    await until(lambda: any(task.done() for task in sending), "the first answer")
    await asyncio.to_thread(cluster.postgres.restart)
    answers = await asyncio.gather(*sending)
    assert set(answers) - {answer for answer in answers if len(answer) == 36} <= {"unavailable"}
    for chat, answer in zip(chats, answers, strict=True):
        async with Wire(at(person, cluster.workers[1])) as wire:
            again = await wire.ask("message.send", chat=chat, text='/script {"words": 3}', client_id="m")
        if answer != "unavailable":
            assert again["run"] == answer
    for chat in chats:

        async def answered(chat: str = chat) -> bool:
            page = await asyncio.to_thread(person.call, "GET", f"chats/{chat}/messages")
            if page.status == HTTPStatus.SERVICE_UNAVAILABLE:
                # A run whose start was lost with the answer begins at one of its worker's next beats. Until then nobody
                # can tell it from one whose log was lost, and so what it has said cannot be told.
                return False
            assert page.status == HTTPStatus.OK, page.text
            return [message["status"] for message in json.loads(page.body)["messages"]] == ["complete", "complete"]

        await until(answered, f"one answered message in {chat}", 4 * TIMEOUT)
    return answers
