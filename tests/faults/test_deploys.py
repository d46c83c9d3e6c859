"""Rolling restarts behind a real balancer: replies go on, sockets come back elsewhere, and processes end in order."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest

from tests import TIMEOUT
from tests.cluster import Balancer, Cluster
from tests.faults.harness import (
    ENV,
    TAKEN,
    Watcher,
    all_agree,
    ask,
    assert_calm,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    gone,
    reply_of,
    takeovers,
    until,
    watching,
)
from tests.http import fetch
from tests.people import Person, new_person
from tests.server import ServerProcess
from tests.services import Postgres
from tests.state import text_of
from tests.wire import Wire

pytestmark = pytest.mark.timeout(12 * TIMEOUT)
PROBE = ("--probe-period", "2.5")
"""Longer than the balancer's own, so that it knows before the worker listens no more."""


def through(person: Person, balancer: Balancer) -> Person:
    """The same person, by way of the balancer."""
    return at(person, balancer)  # type: ignore[arg-type]  # it has the three addresses that a client needs


async def asked_to_end(worker: ServerProcess) -> None:
    """Send SIGTERM; returns once the worker says that it is not ready."""
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)

    def refuses() -> bool:
        try:
            return fetch(worker.url + "readyz").status == 503
        except OSError:
            return True

    await until(lambda: asyncio.to_thread(refuses), "the worker to be not ready")


async def exit_code(worker: ServerProcess, within: float = 6 * TIMEOUT) -> int:
    assert worker.process is not None
    return await asyncio.to_thread(worker.process.wait, within)


@pytest.mark.long
async def test_a_rolling_restart_under_load_cuts_no_reply(postgres: Postgres) -> None:
    with Cluster(postgres=postgres, env=ENV, arguments=PROBE) as cluster:
        balancer = cluster.balance()
        person = through(new_person(cluster.workers[0]), balancer)
        chats = [await person.new_chat() for _ in range(6)]
        watchers = [Watcher(person, chats) for _ in range(4)]
        async with watching(*watchers):
            asked = []
            for number, worker in enumerate(cluster.workers[:]):
                begun = [await ask(at(person, worker), chat, words=1000, delay=0.01) for chat in chats[number::2]]
                asked += begun
                for watcher in watchers:
                    await watcher.has_seen(begun[-1].reply, 50)
                pid, before = worker.pid, sum(watcher.shown["hello"] for watcher in watchers)
                await asked_to_end(worker)
                for run in begun:
                    assert (await reply_of(person, run))["status"] == "streaming"
                assert await exit_code(worker) == 0
                assert gone(pid)
                assert sum(watcher.shown["hello"] for watcher in watchers) > before
                await asyncio.to_thread(worker.start)
                await until(lambda worker=worker: fetch(worker.url + "readyz").status == 200, "it to be ready")  # type: ignore[misc]  # one bound variable
            for run in asked:
                reply = await ended(person, run, 4 * TIMEOUT)
                assert reply["status"] == "complete"
                assert_in_full(text_of(reply), 1000)
            await all_agree(person, *watchers)
        for run in asked:
            for watcher in watchers:
                assert_in_full(watcher.texts[run.reply], 1000)
            assert assert_ended_once(cluster, run) == "completed"
        assert_calm(cluster)


async def test_a_draining_worker_takes_no_message_and_another_takes_the_same_one(cluster: Cluster) -> None:
    draining, other = cluster.workers
    person = new_person(draining)
    chat = await person.new_chat()
    async with Wire(person) as wire:
        await asked_to_end(draining)
        refused = await wire.refusal("message.send", chat=chat, text="Hello", client_id="m")
        assert refused["code"] == "draining"
        assert refused["retry_after"] > 0
    elsewhere = at(person, other)
    sent = await elsewhere.api("POST", f"chats/{chat}/messages", {"client_id": "m", "text": '/script {"words": 3}'})
    assert sent["run"]
    assert await exit_code(draining) == 0
    assert_calm(cluster)


async def test_a_socket_that_comes_to_a_draining_worker_over_a_kept_connection_is_sent_elsewhere(
    postgres: Postgres,
) -> None:
    """Balancers keep connections, and use them for as long as they work."""
    with Cluster(workers=1, postgres=postgres, env=ENV, arguments=("--probe-period", "0", "--drain", "8")) as cluster:
        (worker,) = cluster.workers
        person = new_person(worker)
        await ask(person, await person.new_chat(), words=100_000, delay=0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == b"200"
        assert await reader.readexactly(2) == b"ok"
        await asked_to_end(worker)
        await until(lambda: asyncio.to_thread(_refuses_connections, worker), "the worker to listen no more")
        handshake = {
            "Host": f"127.0.0.1:{worker.port}",
            "Origin": worker.origin,
            "Cookie": person.cookie,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        headers = "".join(f"{name}: {value}\r\n" for name, value in handshake.items())
        writer.write(f"GET /ws/ HTTP/1.1\r\n{headers}\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        assert answer.split()[1] == b"101"
        opcode, length, *code = await asyncio.wait_for(reader.readexactly(4), TIMEOUT)
        assert (opcode, length, int.from_bytes(code)) == (0x88, 2, 4503)
        writer.close()
        assert await exit_code(worker) == 0
        assert_calm(cluster)


def _refuses_connections(worker: ServerProcess) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", worker.port), TIMEOUT):
            return False
    except ConnectionRefusedError:
        return True


async def test_a_run_that_outlasts_the_drain_is_kept_as_interrupted_with_all_that_was_shown(
    postgres: Postgres,
) -> None:
    with Cluster(postgres=postgres, env=ENV, arguments=("--probe-period", "0", "--drain", "1")) as cluster:
        owner, other = cluster.workers
        person = new_person(owner)
        chat = await person.new_chat()
        survivor = at(person, other)
        watchers = [Watcher(each, [chat]) for each in (person, survivor)]
        async with watching(*watchers):
            asked = await ask(person, chat, words=100_000, delay=0.01)
            for watcher in watchers:
                await watcher.has_seen(asked.reply, 30)
            watchers[0].person = survivor
            await asked_to_end(owner)
            assert await exit_code(owner) == 0
            reply = await ended(survivor, asked)
            await all_agree(survivor, *watchers)
        assert reply["status"] == "interrupted"
        for watcher in watchers:
            assert text_of(reply) == watcher.texts[asked.reply]
        assert assert_ended_once(cluster, asked) == "interrupted"
        assert_calm(cluster)


async def test_sigterm_within_a_second_of_a_handshake_ends_in_order(postgres: Postgres) -> None:
    with Cluster(workers=1, postgres=postgres, env=ENV, arguments=("--probe-period", "0")) as cluster:
        (worker,) = cluster.workers
        person = new_person(worker)
        wires = [Wire(person) for _ in range(20)]
        connecting = [asyncio.create_task(wire.connect()) for wire in wires]
        await connecting[0]
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        assert await exit_code(worker) == 0
        results = await asyncio.gather(*connecting, return_exceptions=True)
        for wire, result in zip(wires, results, strict=True):
            if result is None:
                assert await wire.close_code() in (4503, 1006)
        assert wires[0].closed.result() == 4503
        assert_calm(cluster)


async def test_a_second_sigterm_ends_it_at_once_and_another_worker_keeps_what_was_shown(cluster: Cluster) -> None:
    owner, other = cluster.workers
    person = new_person(owner)
    chat = await person.new_chat()
    survivor = at(person, other)
    watchers = [Watcher(each, [chat]) for each in (person, survivor)]
    async with watching(*watchers):
        asked = await ask(person, chat, words=100_000, delay=0.01)
        for watcher in watchers:
            await watcher.has_seen(asked.reply, 30)
        watchers[0].person = survivor
        await asked_to_end(owner)
        assert owner.process is not None
        owner.process.send_signal(signal.SIGTERM)
        # Without it the reply would have a minute more, and its owner would end it.
        assert await exit_code(owner, within=TIMEOUT) == 0
        reply = await ended(survivor, asked, TAKEN)
        await all_agree(survivor, *watchers)
    assert reply["status"] == "interrupted"
    assert takeovers(cluster, asked.run) == 1
    for watcher in watchers:
        assert text_of(reply) == watcher.texts[asked.reply]
    assert_calm(cluster)
