"""Every way that `make bench` measures still delivers what the model's server emits. Nothing here is about time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import psutil
import pytest

from bench import ladder
from bench.story import Before
from bench.upstream import TOKEN, Upstream, stamps, wish
from bench.ways.base import Meter, Way
from bench.ways.polylogue import Polylogue
from bench.ways.sdk import BareSdk
from bench.ways.sockets import Floor, Naive
from tests import TIMEOUT
from tests.process import ROOT
from tests.services import CLUSTER

STREAMS = 3

WAYS: dict[str, Callable[[str], Way]] = {
    "floor": Floor,
    "sdk": BareSdk,
    "naive": Naive,
    # What the tests run on anyway: the other one is smoked by the other run.
    "polylogue": lambda base_url: Polylogue(base_url, embedded=not CLUSTER),
}


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.mark.parametrize("name", WAYS)
async def test_every_token_that_the_model_emits_is_delivered(name: str, upstream: Upstream) -> None:
    async with WAYS[name](upstream.base_url) as way:
        for question, tokens in ((wish(tokens=40), 40), (wish(tokens=30, rate=200, skip=5), 35)):
            before = upstream.emitted
            meter = await _answered(way, question)
            assert meter.failed == 0
            assert meter.tokens == dict.fromkeys(range(STREAMS), tokens)
            assert upstream.emitted - before == STREAMS * tokens
            assert min(meter.latencies) >= 0


async def test_replies_that_wait_for_each_other_begin_once_all_have_been_asked_for(upstream: Upstream) -> None:
    async with Floor(upstream.base_url) as way:
        await way.connect(STREAMS)
        for index in range(STREAMS):
            assert upstream.emitted == 0
            await way.ask(index, wish(tokens=10, wait=True))
            async with asyncio.timeout(TIMEOUT):
                while upstream.asked <= index:  # noqa: ASYNC110  # nor does the model's server
                    await asyncio.sleep(0.02)
        upstream.release()
        assert (await _ended(way)).tokens == dict.fromkeys(range(STREAMS), 10)


async def test_while_one_way_is_measured_the_processes_of_the_others_are_stopped(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    class Watched(Floor):
        async def begin(self) -> None:
            seen.append([psutil.Process(way.pid).status() for way in (self, *others)])
            await super().begin()

    watched = Watched(upstream.base_url)
    others: list[Way] = [Floor(upstream.base_url), BareSdk(upstream.base_url)]
    monkeypatch.setattr(ladder, "ways", lambda base_url: [watched, *others])
    told: list[str] = []
    await ladder.climb(upstream, [(1, 100)], warm=0.1, window=0.2, say=lambda figure: told.append(figure.way))
    assert told == ["floor", "floor", "sdk"]
    assert seen
    for itself, *rest in seen:
        assert itself != psutil.STATUS_STOPPED
        assert rest == [psutil.STATUS_STOPPED] * 2


async def _answered(way: Way, question: str) -> Meter:
    await way.connect(STREAMS)
    await way.begin()
    for index in range(STREAMS):
        await way.ask(index, question)
    meter = await _ended(way)
    await way.disconnect()
    return meter


async def _ended(way: Way) -> Meter:
    async with asyncio.timeout(TIMEOUT):
        while (meter := await way.report()).ended < STREAMS:  # noqa: ASYNC110  # a way says nothing by itself
            await asyncio.sleep(0.02)
    return meter


async def test_the_synchronous_worker_answers_too(upstream: Upstream) -> None:
    async with Before(upstream.base_url) as before:
        answer = await before.ask(wish(tokens=30))
    assert len(answer) == 30 * TOKEN
    assert stamps(answer) == sorted(stamps(answer))


def test_a_run_that_is_ended_leaves_no_process_behind() -> None:
    command = [sys.executable, "-m", "bench", "starting"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        bench = psutil.Process(process.pid)
        deadline = time.monotonic() + TIMEOUT
        while not (started := bench.children(recursive=True)) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.terminate()
        # It ends once the server has started that is starting, which has that long for it.
        _, said = process.communicate(timeout=4 * TIMEOUT)
    assert started
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("Ended before its time.")
    assert not [child for child in started if child.is_running()]
