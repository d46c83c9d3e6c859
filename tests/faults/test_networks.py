"""Networks between client and server that are slow, half closed, cut or silent, and readers that do not read."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    Watcher,
    all_agree,
    ask,
    assert_in_full,
    at,
    ended,
    until,
    watching,
)
from tests.faults.proxy import Proxy
from tests.people import Person, new_person
from tests.server import ServerProcess
from tests.state import text_of
from tests.wire import Wire

pytestmark = [pytest.mark.timeout(12 * TIMEOUT), pytest.mark.long]
MEGABYTE = 1024 * 1024


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
        asked = await ask(person, chat, words=2500, delay=0.004)
        await far.has_seen(asked.reply, 20)
        line.delay = 0.3
        await far.has_seen(asked.reply, 200)
        assert line.reset() > 0
        await until(lambda: far.shown["hello"] == 2, "it to come back after a reset")
        line.delay, line.rate = 0, 20_000
        await far.has_seen(asked.reply, 600)
        assert line.half_close() > 0
        await until(lambda: far.shown["hello"] == 3, "it to come back after a half-closed connection")
        line.rate = 0
        # A hole that opens under a live connection: the client gives it up, and comes back when the hole has gone.
        line.swallow = {"up", "down"}
        await until(lambda: line.swallowed > 0, "bytes to be swallowed")
        line.swallow = set()
        assert line.reset() > 0
        assert_in_full(text_of(await ended(person, asked, 4 * TIMEOUT)), 2500)
        await all_agree(person, near, far)
    assert_in_full(far.texts[asked.reply], 2500)


async def test_a_reader_that_stops_costs_a_megabyte_at_most_and_is_closed_while_others_go_on(calm: Cluster) -> None:
    owner, other = calm.workers
    person = new_person(owner)
    chat = await person.new_chat()
    there = at(person, other)
    beside = Watcher(there, [chat])
    async with watching(beside), Wire(there, confirms=False) as silent, Wire(there) as deaf:
        for wire in (silent, deaf):
            await wire.ask("chat.open", chat=chat)
        deaf.pause()
        asked = await ask(person, chat, words=50_000, delay=0)
        assert (await ended(person, asked, 4 * TIMEOUT))["status"] == "complete"
        await beside.has_seen(asked.reply, 50_000)
        # What was on its way to the one that confirms nothing is bounded, and so is what waits for the other.
        assert silent.size < MEGABYTE
        assert await silent.close_code(4 * TIMEOUT) == 4408
        assert silent.size < MEGABYTE
        # The other may have been full a moment later, and who reads again in time stays.
        late = time.monotonic() + 5
        await until(lambda: time.monotonic() > late, "the other's time to be over")
        deaf.resume()
        assert await deaf.close_code() in (4408, 1006)
        assert deaf.size < 2 * MEGABYTE
        assert beside.faults == []
        assert_in_full(beside.texts[asked.reply], 50_000)


async def test_fifty_readers_that_stop_do_not_fill_the_memory(calm: Cluster) -> None:
    owner, other = calm.workers
    person = new_person(owner)
    chat = await person.new_chat()
    there = at(person, other)
    process = psutil.Process(other.pid)
    wires = [Wire(there, confirms=False) for _ in range(50)]
    for wire in wires:
        await wire.connect()
        await wire.frame("hello")
        await wire.ask("chat.open", chat=chat)
    before = process.memory_info().rss
    asked = await ask(person, chat, words=50_000, delay=0)
    assert (await ended(person, asked, 4 * TIMEOUT))["status"] == "complete"
    assert process.memory_info().rss - before < len(wires) * MEGABYTE
    assert max(wire.size for wire in wires) < MEGABYTE
    for wire in wires:
        wire.cut()


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
        line.rate = 0
        await sending
        assert (await slow.answer("1"))["type"] == "ack"
