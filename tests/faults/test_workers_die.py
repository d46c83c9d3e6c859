"""Workers that are killed or fall asleep: what anyone was shown stays, and exactly one other worker ends their runs."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import signal
import time

import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    ENV,
    LEASE,
    TAKEN,
    TAKEOVER,
    Watcher,
    all_agree,
    ask,
    assert_calm,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    forget_ended,
    gone,
    logged,
    reply_of,
    seeds,
    stopped,
    takeovers,
    until,
    was_refused,
    watching,
    words_in,
)
from tests.people import new_person
from tests.services import Postgres
from tests.state import text_of

pytestmark = pytest.mark.timeout(4 * TAKEN + 4 * TIMEOUT)
FOREVER = 100_000
"""Words; a run of so many does not end before it is made to."""


async def test_kill_9_of_the_owner_leaves_all_that_was_shown_and_one_worker_ends_it(postgres: Postgres) -> None:
    with Cluster(workers=3, postgres=postgres, env=ENV) as cluster:
        owner, *others = cluster.workers
        person = new_person(owner)
        chats = [await person.new_chat() for _ in range(4)]
        watchers = [Watcher(at(person, worker), chats) for worker in cluster.workers]
        async with watching(*watchers):
            asked = [await ask(person, chat, words=FOREVER, delay=0.005) for chat in chats]
            for watcher in watchers:
                for run in asked:
                    await watcher.has_seen(run.reply, 50)
            pid = owner.pid
            owner.kill()
            assert gone(pid)
            began = time.monotonic()
            survivor = at(person, others[0])
            watchers[0].person = survivor
            replies = [await ended(survivor, run, TAKEN) for run in asked]
            assert time.monotonic() - began <= TAKEN
            await all_agree(survivor, *watchers)
        for run, reply in zip(asked, replies, strict=True):
            assert reply["status"] == "interrupted"
            assert reply["error"]["code"] == "interrupted"
            for watcher in watchers:
                assert text_of(reply) == watcher.texts[run.reply]
            assert takeovers(cluster, run.run) == 1
            assert assert_ended_once(cluster, run) == "interrupted"
        assert_calm(cluster)


async def test_an_owner_that_was_asleep_changes_nothing_when_it_wakes_up(cluster: Cluster) -> None:
    owner, other = cluster.workers
    person = new_person(owner)
    chats = [await person.new_chat() for _ in range(3)]
    watchers = [Watcher(at(person, worker), chats) for worker in (owner, other)]
    survivor = at(person, other)
    async with watching(*watchers):
        asked = [await ask(person, chat, words=FOREVER, delay=0.005) for chat in chats[1:]]
        # One whose agent says nothing when it wakes up, so that nothing tells its owner.
        asked.append(await ask(person, chats[0], words=FOREVER, delay=0.001, hang_after=60))
        for watcher in watchers:
            for run in asked:
                await watcher.has_seen(run.reply, 50)
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            await until(lambda: stopped(owner.pid), "the owner to stand still")
            asleep = time.monotonic()
            replies = [await ended(survivor, run, TAKEN) for run in asked]
            events = [logged(cluster, run.run) for run in asked]
            await until(lambda: time.monotonic() - asleep > 2 * LEASE, "twice the lease", 3 * LEASE)
        finally:
            os.kill(owner.pid, signal.SIGCONT)
        for run in asked:
            await until(functools.partial(was_refused, owner, run), "the owner to notice that it was refused")
        await all_agree(survivor, *watchers)
        # It may work again, and take nobody's runs for its own long sleep.
        again = await ask(person, chats[0], words=20, delay=0.01)
        assert_in_full(text_of(await ended(person, again)), 20)
        await all_agree(person, *watchers)
    for run, reply, before in zip(asked, replies, events, strict=True):
        assert reply["status"] == "interrupted"
        assert takeovers(cluster, run.run) == 1
        assert logged(cluster, run.run) == before
        assert assert_ended_once(cluster, run) == "interrupted"
        for watcher in watchers:
            assert watcher.texts[run.reply] == text_of(reply)
    assert_calm(cluster)


async def test_an_owner_that_slept_before_its_first_event_shows_nothing_when_it_wakes_up(cluster: Cluster) -> None:
    owner, other = cluster.workers
    person = new_person(owner)
    survivor = at(person, other)
    chat = await person.new_chat()
    watchers = [Watcher(each, [chat]) for each in (person, survivor)]
    async with watching(*watchers):
        # Without Redis it begins and cannot write.
        await asyncio.to_thread(cluster.valkey.kill)
        asked = await ask(person, chat, words=FOREVER, delay=0.005)
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            await until(lambda: stopped(owner.pid), "the owner to stand still")
            await asyncio.to_thread(cluster.valkey.start)
            reply = await ended(survivor, asked, TAKEN)
            # And it sleeps for so long that its run's log has come and gone.
            forget_ended(cluster)
            assert logged(cluster, asked.run) == []
        finally:
            os.kill(owner.pid, signal.SIGCONT)
        await until(lambda: was_refused(owner, asked), "the owner to notice that it was refused")
        await all_agree(survivor, *watchers)
    assert (reply["status"], text_of(reply)) == ("interrupted", "")
    assert logged(cluster, asked.run) == []
    for watcher in watchers:
        assert watcher.texts[asked.reply] == ""
    assert assert_ended_once(cluster, asked) == "interrupted"
    assert takeovers(cluster, asked.run) == 1
    assert_calm(cluster)


async def test_kill_9_of_a_viewers_worker_costs_the_viewer_nothing(cluster: Cluster) -> None:
    owner, other = cluster.workers
    person = new_person(owner)
    chat = await person.new_chat()
    elsewhere = [Watcher(at(person, other), [chat]) for _ in range(3)]
    watcher = Watcher(person, [chat])
    async with watching(watcher, *elsewhere):
        asked = await ask(person, chat, words=FOREVER, delay=0.01)
        for each in elsewhere:
            await each.has_seen(asked.reply, 30)
        pid = other.pid
        other.kill()
        assert gone(pid)
        elsewhere[0].person = person
        await elsewhere[0].has_seen(asked.reply, words_in(watcher.texts[asked.reply]))
        await asyncio.to_thread(other.start)
        for each in elsewhere[1:]:
            await each.has_seen(asked.reply, words_in(watcher.texts[asked.reply]))
        assert (await reply_of(person, asked))["status"] == "streaming"
        await person.api("POST", f"runs/{asked.run}/stop")
        text = text_of(await ended(person, asked))
        await all_agree(person, watcher, *elsewhere)
    assert_in_full(text.rstrip(), words_in(text))
    for each in (watcher, *elsewhere):
        assert each.texts[asked.reply] == text
    assert assert_ended_once(cluster, asked) == "stopped"


async def test_stop_racing_a_takeover_and_an_owner_that_wakes_up_leaves_one_end(cluster: Cluster) -> None:
    owner, other = cluster.workers
    person = new_person(owner)
    elsewhere = at(person, other)
    chances = [random.Random(seed) for seed in seeds(60, 12)]  # noqa: S311  # keeps no secret
    chats = [await person.new_chat() for _ in chances]
    watchers = [Watcher(person, chats), Watcher(elsewhere, chats)]
    async with watching(*watchers):
        asked = [await ask(person, chat, words=FOREVER, delay=0.05) for chat in chats]
        for run in asked:
            await watchers[1].has_seen(run.reply, 2)
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            await until(lambda: stopped(owner.pid), "the owner to stand still")
            # Most just before and during the takeover of all, and some when their owner is awake again.
            due = time.monotonic() + LEASE
            taking = asyncio.Event()

            async def stop(run: str, chance: random.Random) -> None:
                if chance.random() < 0.3:
                    await until(lambda: time.monotonic() > due, "the lease to end", 2 * TAKEN)
                else:
                    await taking.wait()
                await asyncio.sleep(chance.uniform(0, 1))
                await elsewhere.api("POST", f"runs/{run}/stop")

            stops = [asyncio.create_task(stop(run.run, chance)) for run, chance in zip(asked, chances, strict=True)]
            await until(lambda: TAKEOVER in other.log, "the first run to be taken", TAKEN)
            taking.set()
            await asyncio.sleep(chances[0].uniform(0, 0.5))
        finally:
            os.kill(owner.pid, signal.SIGCONT)
        await asyncio.gather(*stops)
        for run in asked:
            await ended(elsewhere, run, TAKEN)
        await all_agree(elsewhere, *watchers)
    for run in asked:
        assert assert_ended_once(cluster, run) in ("stopped", "interrupted")
        assert takeovers(cluster, run.run) <= 1
    assert sum(takeovers(cluster, run.run) for run in asked) > 0
    assert_calm(cluster)
