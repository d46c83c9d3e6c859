"""Notes between workers that are lost, doubled, or late: everybody ends up knowing everything, only later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    ENV,
    LEASE,
    RECONCILE,
    Watcher,
    all_agree,
    ask,
    assert_in_full,
    at,
    ended,
    until,
    watching,
    words_in,
)
from tests.faults.notes import NoteFaults, doubled_and_late, lost
from tests.faults.proxy import Proxy
from tests.people import new_person
from tests.scenario import Scenario
from tests.services import Postgres
from tests.wire import Wire

pytestmark = pytest.mark.timeout(8 * TIMEOUT)


@pytest.fixture(scope="module")
def faults() -> NoteFaults:
    return NoteFaults()


@pytest.fixture(scope="module")
def pair(postgres: Postgres, faults: NoteFaults) -> Iterator[Cluster]:
    """Two workers that get all their notes by way of `faults`."""
    cluster = Cluster(postgres=postgres, env=ENV)
    with Proxy(cluster.valkey.port) as proxy:
        proxy.change = faults
        cluster.redis_ports = {0: proxy.port, 1: proxy.port}
        with cluster:
            yield cluster


@pytest.fixture(autouse=True)
def _left_alone_afterwards(faults: NoteFaults) -> Iterator[None]:
    faults.met = 0
    yield
    faults.fate = None


async def test_with_all_notes_lost_tokens_come_within_a_second_or_so(pair: Cluster, faults: NoteFaults) -> None:
    faults.fate = lost
    owner, other = pair.workers
    person = new_person(owner)
    chat = await person.new_chat()
    asked = await ask(person, chat, words=1500, delay=0.01)
    here, there = Watcher(person, [chat]), Watcher(at(person, other), [chat])
    lags = []
    async with watching(here, there):
        for _ in range(8):
            shown = words_in(here.texts[asked.reply])
            began = time.monotonic()
            await there.has_seen(asked.reply, shown)
            lags.append(time.monotonic() - began)
            await here.has_seen(asked.reply, shown + 60)
        assert faults.met > 0
        assert max(lags) < TIMEOUT / 3
        await ended(person, asked)
        await here.has_seen(asked.reply, 1500)
        began = time.monotonic()
        await there.has_seen(asked.reply, 1500)
        assert time.monotonic() - began < TIMEOUT / 3
        await all_agree(person, here, there)
    assert_in_full(there.texts[asked.reply], 1500)


async def test_with_all_notes_lost_chats_and_lists_are_known_at_the_next_look(
    pair: Cluster, faults: NoteFaults
) -> None:
    faults.fate = lost
    owner, other = pair.workers
    person = new_person(owner)
    chat = await person.new_chat()
    here, there = Watcher(person, [chat]), Watcher(at(person, other), [chat])
    async with watching(here, there):
        began = time.monotonic()
        asked = await ask(person, chat, words=20, delay=0.01)
        second = await person.new_chat("Made elsewhere")
        await person.api("PATCH", f"chats/{chat}", {"title": "Named elsewhere"})
        await until(
            lambda: second in there.state.chats and there.state.chats[chat]["title"] == "Named elsewhere",
            "the other worker to hear of it",
            RECONCILE + TIMEOUT,
        )
        await until(lambda: words_in(there.texts.get(asked.reply, "")) == 20, "the reply", RECONCILE + TIMEOUT)
        assert time.monotonic() - began < RECONCILE + TIMEOUT
        assert faults.met > 0
        await all_agree(person, here, there)


async def test_with_all_notes_lost_a_stop_reaches_the_owner_with_its_next_heartbeat(
    pair: Cluster, faults: NoteFaults
) -> None:
    faults.fate = lost
    owner, other = pair.workers
    person = new_person(owner)
    chat = await person.new_chat()
    asked = await ask(person, chat, words=100_000, delay=0.01)
    await at(person, other).api("POST", f"runs/{asked.run}/stop")
    assert (await ended(person, asked, LEASE + TIMEOUT))["status"] == "stopped"
    await until(lambda: faults.met > 0, "a note to be lost")


async def test_notes_that_come_twice_and_late_change_nothing(pair: Cluster, faults: NoteFaults) -> None:
    faults.fate = doubled_and_late
    owner, other = pair.workers
    people = [new_person(owner), new_person(owner)]
    chats = [[await person.new_chat(), await person.new_chat()] for person in people]
    watchers = [
        Watcher(at(person, worker), both) for person, both in zip(people, chats, strict=True) for worker in pair.workers
    ]

    async def play(worker: int) -> None:
        person, both = at(people[worker], pair.workers[worker]), chats[worker]
        async with Wire(person) as wire:
            for chat in both:
                await wire.ask("chat.open", chat=chat)
            await Scenario(person, both[0], both[1], wire).play()

    async with watching(*watchers):
        await asyncio.gather(play(0), play(1))
        await all_agree(people[0], *watchers[:2])
        await all_agree(at(people[1], other), *watchers[2:])
    assert faults.met > 20
