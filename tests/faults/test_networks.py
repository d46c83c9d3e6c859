"""Networks between client and server that are slow, half closed, cut or silent, and readers that do not read."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from chat.agents.scripted import numbered_words
from chat.consumers.flow import MAX_UNACKNOWLEDGED
from chat.protocol.frames import FRAME_BUDGET
from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    Asked,
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
from tests.faults.proxy import Proxy
from tests.people import Person, new_person
from tests.server import ServerProcess
from tests.state import text_of
from tests.wire import Wire

pytestmark = [pytest.mark.timeout(12 * TIMEOUT), pytest.mark.long]
UNREAD = MAX_UNACKNOWLEDGED + FRAME_BUDGET
"""Bytes that are sent to someone who confirms nothing, at most: until they are too many, and one frame."""
WORDS = 50_000
"""Of each of two replies, which are more than `UNREAD` together."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a client thinks that the server is."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def line(calm: Cluster) -> Iterator[Proxy]:
    """The line to the second worker."""
    with Proxy(calm.workers[1].port) as proxy:
        yield proxy


def by(line: Proxy, person: Person) -> Person:
    """The same person, at the end of that line."""
    return at(person, Address(line.port))  # type: ignore[arg-type]  # it has the three addresses that a client needs


async def test_a_line_that_is_slow_delayed_cut_and_half_closed_loses_nothing(calm: Cluster, line: Proxy) -> None:
    person = new_person(calm.workers[0])
    chat = await person.new_chat()
    near, far = Watcher(person, [chat]), Watcher(by(line, person), [chat])
    async with watching(near, far):
        asked = await ask(person, chat, words=100_000, delay=0.01)
        await far.has_seen(asked.reply, 20)
        line.delay = 0.3
        await far.has_seen(asked.reply, 200)
        assert line.reset() > 0
        await until(lambda: far.shown["hello"] >= 2, "it to come back after a reset")
        line.delay, line.rate = 0, 20_000
        await far.has_seen(asked.reply, 600)
        assert line.half_close() > 0
        await until(lambda: far.shown["hello"] >= 3, "it to come back after a half-closed connection")
        line.rate = 0
        await far.has_seen(asked.reply, words_in(near.texts[asked.reply]))
        # A hole that opens under a live connection: the client gives it up, and comes back when the hole has gone.
        line.swallow = {"up", "down"}
        begun = words_in(near.texts[asked.reply])
        await near.has_seen(asked.reply, begun + 100)
        assert line.swallowed > 0
        assert words_in(far.texts[asked.reply]) < words_in(near.texts[asked.reply])
        line.swallow = set()
        assert line.reset() > 0
        await far.has_seen(asked.reply, begun + 100)
        await person.api("POST", f"runs/{asked.run}/stop")
        reply = await ended(person, asked)
        assert reply["status"] == "stopped"
        await all_agree(person, near, far)
    text = text_of(reply)
    assert_in_full(text.rstrip(), words_in(text))
    assert far.texts[asked.reply] == text


async def said_at_full_speed(person: Person, chats: list[str]) -> list[Asked]:
    """A reply of `WORDS` in each chat, all at once; returns when all are complete."""
    asked = [await ask(person, chat, words=WORDS, delay=0) for chat in chats]
    for each in asked:
        assert (await ended(person, each, 4 * TIMEOUT))["status"] == "complete"
    assert len(chats) * len(numbered_words(WORDS)) > 1.4 * UNREAD
    return asked


async def test_a_reader_that_stops_costs_a_megabyte_at_most_and_is_closed_while_others_go_on(calm: Cluster) -> None:
    owner, other = calm.workers
    person = new_person(owner)
    chats = [await person.new_chat() for _ in range(2)]
    there = at(person, other)
    beside = Watcher(there, chats)
    async with watching(beside), Wire(there, confirms=False) as silent, Wire(there) as deaf:
        for wire in (silent, deaf):
            for chat in chats:
                await wire.ask("chat.open", chat=chat)
        deaf.pause()
        asked = await said_at_full_speed(person, chats)
        for each in asked:
            await beside.has_seen(each.reply, WORDS)
        # What was on its way to the one that confirms nothing is bounded, and so is what waits for the other.
        assert await silent.close_code(4 * TIMEOUT) == 4408
        assert silent.size < UNREAD
        # The other may have been full a moment later, and who reads again in time stays.
        late = time.monotonic() + 5
        await until(lambda: time.monotonic() > late, "the other's time to be over")
        deaf.resume()
        assert await deaf.close_code() in (4408, 1006)
        assert deaf.size < UNREAD
        assert beside.faults == []
        for each in asked:
            assert_in_full(beside.texts[each.reply], WORDS)


async def test_fifty_readers_that_confirm_nothing_do_not_fill_the_memory(calm: Cluster) -> None:
    owner, other = calm.workers
    person = new_person(owner)
    chats = [await person.new_chat() for _ in range(2)]
    there = at(person, other)
    process = psutil.Process(other.pid)
    wires = [Wire(there, confirms=False) for _ in range(50)]
    for wire in wires:
        await wire.connect()
        await wire.frame("hello")
        for chat in chats:
            await wire.ask("chat.open", chat=chat)
    before = process.memory_info().rss
    await said_at_full_speed(person, chats)
    assert process.memory_info().rss - before < len(wires) * UNREAD
    assert {await wire.close_code(4 * TIMEOUT) for wire in wires} == {4408}
    assert max(wire.size for wire in wires) < UNREAD


async def test_a_connection_of_which_only_one_end_is_left_is_reaped_within_a_minute(calm: Cluster, line: Proxy) -> None:
    person = new_person(calm.workers[1])
    chat = await person.new_chat()
    wire = Wire(by(line, person))
    await wire.connect()
    await wire.frame("hello")
    await wire.ask("chat.open", chat=chat)
    sockets = established(calm.workers[1])
    assert sockets > 0
    line.swallow = {"up", "down"}
    await until(lambda: established(calm.workers[1]) < sockets, "the server to give it up", 60 + TIMEOUT)
    assert line.swallowed > 0
    wire.cut()


def established(worker: ServerProcess) -> int:
    """Connections of clients that the worker has open."""
    connections = psutil.Process(worker.pid).net_connections("tcp")
    return sum(each.status == "ESTABLISHED" and each.laddr.port == worker.port for each in connections)


async def test_a_sender_of_half_a_frame_holds_up_nobody(calm: Cluster, line: Proxy) -> None:
    person = new_person(calm.workers[1])
    chat = await person.new_chat()
    async with Wire(by(line, person)) as slow, Wire(at(person, calm.workers[1])) as quick:
        line.rate = 500
        before = line.passed
        body = {"type": "message.send", "id": "1", "chat": chat, "client_id": "m", "text": "x" * 30_000}
        sending = asyncio.create_task(slow.send(json.dumps(body)))
        await until(lambda: line.passed > before, "the frame to begin")
        for number in range(20):
            assert await quick.ask("chat.create", client_id=f"c{number}")
        # Of the frame, and of all that came back, there is more to come.
        assert line.passed - before < len(body["text"])
        line.rate = 0
        await sending
        assert (await slow.answer("1"))["type"] == "ack"
