"""How fast a worker shows what another one owns.

The figures are printed (`pytest -s`); what is asserted is far from them, since other work on the machine is no fault,
but nearer than what a worker that hears no notes would take (0.5 s at the median, by `feeds.LOOK`).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time

import psutil
import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import ask, at, logged, until
from tests.people import new_person
from tests.server import ServerProcess
from tests.state import Frame
from tests.wire import Wire

pytestmark = [pytest.mark.timeout(8 * TIMEOUT), pytest.mark.long]
AGAIN = 21
"""Measurements of which the median counts."""


def told(what: str, seconds: list[float]) -> float:
    """Print the figures; returns the median."""
    median = statistics.median(seconds)
    print(f"{what}: median {median * 1000:.1f} ms, worst {max(seconds) * 1000:.1f} ms")  # noqa: T201  # what it is for
    return median


def busy(worker: ServerProcess) -> float:
    """Seconds for which the worker has had a processor."""
    times = psutil.Process(worker.pid).cpu_times()
    return float(times.user + times.system)


async def test_a_long_live_reply_of_another_worker_is_there_at_once(calm: Cluster) -> None:
    owner, other = calm.workers
    person = new_person(owner)
    chat = await person.new_chat()
    asked = await ask(person, chat, words=1, hang_after=0)
    await until(lambda: len(logged(calm, asked.run)) == 2, "the reply to begin")
    part = logged(calm, asked.run)[1][1]["messageId"]
    # As its owner would log a model that says 10,000 tokens with pauses between them: an event each.
    with calm.valkey.client() as client, client.pipeline(transaction=False) as pipeline:
        for number in range(1, 10_001):
            event = json.dumps({"type": "TEXT_MESSAGE_CONTENT", "messageId": part, "delta": f"word{number} "})
            pipeline.xadd(f"polylogue:run:{asked.run}:events", {"e": event}, id=f"{number + 2}-0")
        pipeline.execute()
    took = []
    before = busy(other)
    for _ in range(AGAIN):
        async with Wire(at(person, other)) as wire:
            began = time.monotonic()
            await wire.ask("chat.open", chat=chat)
            snapshot = await wire.frame("chat.snapshot")
            reply = next(message for message in snapshot["messages"] if message["id"] == asked.reply)
            assert reply["parts"][0]["text"].rstrip().endswith("word10000")
            took.append(time.monotonic() - began)
            version, runs = snapshot["version"], {asked.run: 1}
        async with Wire(at(person, other)) as wire:
            assert (await wire.ask("chat.open", chat=chat, version=version, runs=runs))["resumed"]
            assert (await wire.frame("run.events"))["after"] == 1
    assert told("opening a live chat with 10,000 events logged, not at its owner", took) < 0.5
    told("of that, and of resuming it, the worker's processor", [(busy(other) - before) / AGAIN])
    await person.api("POST", f"runs/{asked.run}/stop")


async def test_following_another_workers_run_adds_little(calm: Cluster) -> None:
    owner, other = calm.workers
    person = new_person(owner)
    chat = await person.new_chat()
    heard: dict[bool, dict[int, float]] = {True: {}, False: {}}

    async def listen(here: bool) -> None:
        def note(frame: Frame) -> None:
            if frame["type"] == "run.events":
                now = time.monotonic()
                heard[here].update(dict.fromkeys(range(frame["after"] + 1, frame["seq"] + 1), now))

        async with Wire(at(person, owner if here else other), on_frame=note) as wire:
            await wire.ask("chat.open", chat=chat)
            ready.release()
            await wire.until(lambda: len(heard[here]) >= 200, within=4 * TIMEOUT)

    ready = asyncio.Semaphore(0)
    listening = [asyncio.create_task(listen(here)) for here in (True, False)]
    for _ in listening:
        await ready.acquire()
    asked = await ask(person, chat, words=1000, delay=0.03)
    await asyncio.gather(*listening)
    lags = [heard[False][seq] - heard[True][seq] for seq in range(5, 200)]
    assert told("following a run of another worker adds", lags) < 0.35
    await person.api("POST", f"runs/{asked.run}/stop")
