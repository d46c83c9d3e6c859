"""Redis that dies, forgets, or stands still: no text is lost, nothing goes deaf, and people get in all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    RECONCILE,
    Watcher,
    all_agree,
    ask,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    gone,
    redis_down,
    reply_of,
    until,
    watching,
)
from tests.http import fetch
from tests.people import Person, new_person
from tests.state import text_of
from tests.wire import Wire

pytestmark = pytest.mark.timeout(12 * TIMEOUT)


async def away(cluster: Cluster, seconds: float) -> None:
    """Let Redis be away for so long."""
    began = time.monotonic()
    await until(lambda: time.monotonic() - began >= seconds, "an outage to pass", seconds + TIMEOUT)


async def restart(cluster: Cluster, seconds: float) -> None:
    """Kill Redis, which forgets everything, and start it again."""
    pid = cluster.valkey.pid
    await asyncio.to_thread(cluster.valkey.kill)
    assert gone(pid)
    assert redis_down(cluster)
    await away(cluster, seconds)
    await asyncio.to_thread(cluster.valkey.start)


async def restart_at_once(cluster: Cluster) -> None:
    await restart(cluster, 0.3)


async def restart_after_4_s(cluster: Cluster) -> None:
    await restart(cluster, 4)


async def restart_with_an_older_file(cluster: Cluster) -> None:
    await asyncio.to_thread(cluster.valkey.save)
    with cluster.valkey.client() as client:
        (key,) = client.keys("polylogue:run:*:events")[:1]
        before = client.xlen(key)
        await until(lambda: client.xlen(key) > before + 20, "the log to go on after it was saved")
    await restart(cluster, 0.3)
    with cluster.valkey.client() as client:
        assert client.info("persistence")["rdb_last_load_keys_loaded"] > 0


async def flush(cluster: Cluster) -> None:
    with cluster.valkey.client() as client:
        assert client.dbsize() > 0
    await asyncio.to_thread(cluster.valkey.flush)


async def stop(cluster: Cluster, seconds: float) -> None:
    cluster.valkey.pause()
    assert redis_down(cluster)
    await away(cluster, seconds)
    cluster.valkey.resume()


async def stop_for_5_s(cluster: Cluster) -> None:
    await stop(cluster, 5)


async def stop_for_40_s(cluster: Cluster) -> None:
    await stop(cluster, 40)


async def hears(watcher: Watcher, person: Person, chat: str) -> None:
    """The worker of `watcher` hears of what another begins, and not only by its look each half minute: that may be just
    due once, and not twice in a row."""
    at_once = 0
    for _ in range(6):
        asked = await ask(person, chat, words=1000, delay=0.05)
        began = time.monotonic()
        await watcher.has_seen(asked.reply, 5)
        at_once = at_once + 1 if time.monotonic() - began < RECONCILE / 4 else 0
        assert (await reply_of(person, asked))["status"] == "streaming"
        await person.api("POST", f"runs/{asked.run}/stop")
        await ended(person, asked)
        if at_once == 2:
            return
    pytest.fail("what another worker begins is not heard of at once")


@pytest.mark.parametrize(
    "fault",
    [
        restart_at_once,
        pytest.param(restart_after_4_s, marks=pytest.mark.long),
        pytest.param(restart_with_an_older_file, marks=pytest.mark.long),
        flush,
        pytest.param(stop_for_5_s, marks=pytest.mark.long),
        pytest.param(stop_for_40_s, marks=pytest.mark.long),
    ],
)
async def test_no_text_is_lost_and_nobody_goes_deaf(
    cluster: Cluster, fault: Callable[[Cluster], Awaitable[None]]
) -> None:
    people = [new_person(cluster.workers[0])]
    people.append(at(people[0], cluster.workers[1]))
    chats = [await people[0].new_chat() for _ in people]
    watchers = [Watcher(person, chats) for person in people]
    async with watching(*watchers):
        asked = [await ask(person, chat, words=1000, delay=0.01) for person, chat in zip(people, chats, strict=True)]
        for watcher in watchers:
            for run in asked:
                await watcher.has_seen(run.reply, 50)
        await fault(cluster)
        for person, run in zip(people, asked, strict=True):
            reply = await ended(person, run, 4 * TIMEOUT)
            assert reply["status"] == "complete"
            assert_in_full(text_of(reply), 1000)
        await all_agree(people[0], *watchers)
        for watcher in watchers:
            for run in asked:
                assert_in_full(watcher.texts[run.reply], 1000)
        for person, chat, elsewhere in zip(people, chats, reversed(watchers), strict=True):
            await hears(elsewhere, person, chat)
        await all_agree(people[1], *watchers)
        # Nobody's socket was closed for any of it.
        assert [watcher.shown["hello"] for watcher in watchers] == [1, 1]
    for run in asked:
        assert assert_ended_once(cluster, run) == "completed"


async def test_with_redis_stopped_people_sign_in_open_and_read_as_before(cluster: Cluster) -> None:
    worker = cluster.workers[0]
    person = new_person(worker)
    chat = await person.new_chat()
    run = await ask(person, chat, words=20, delay=0.001)
    await ended(person, run)
    cluster.valkey.pause()
    assert redis_down(cluster)
    try:
        took: dict[str, float] = {}

        async def timed(what: str, doing: Awaitable[object]) -> object:
            began = time.monotonic()
            result = await doing
            took[what] = time.monotonic() - began
            return result

        page = await timed("a guest's first page", asyncio.to_thread(fetch, worker.url))
        assert page.status == 200  # type: ignore[attr-defined]  # an Answer
        await timed("the list", person.api("GET", "chats"))
        await timed("the messages", person.api("GET", f"chats/{chat}/messages"))
        async with Wire(person) as wire:
            await timed("opening", wire.ask("chat.open", chat=chat))
            await timed("the chat", wire.frame("chat.snapshot"))
            sent = await timed("posting", wire.ask("message.send", chat=chat, text="Hello", client_id="m"))
            assert sent["run"]  # type: ignore[index]  # a frame
        async with Wire(person) as wire:
            await timed("opening while an answer cannot be shown", wire.ask("chat.open", chat=chat))
            await timed("the chat while an answer cannot be shown", wire.frame("chat.snapshot"))
        assert {what: seconds for what, seconds in took.items() if seconds > TIMEOUT / 3} == {}
    finally:
        cluster.valkey.resume()
