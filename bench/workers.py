"""One worker against two: what a token costs, and how many come, when half of the streams are on each."""

from __future__ import annotations

import asyncio
from collections import Counter

from bench import machine
from bench.measure import Figure, at_rate
from bench.upstream import Upstream
from bench.ways.base import Meter, Way
from bench.ways.polylogue import Polylogue
from tests.services import databases, new_redis

RATES = (10.0, 50.0)
"""Tokens a second and stream."""


class Pair(Way):
    """Two workers with one Postgres and one Redis: the first on the measured core, the second with the load."""

    name = "two workers"
    title = "Polylogue, two workers"

    async def start(self) -> None:
        stores = {"DATABASE_URL": databases().new(), "REDIS_URL": new_redis()}
        self.workers = [Polylogue(self.base_url, embedded=False, env=stores) for _ in range(2)]
        for worker, cores in zip(self.workers, (machine.MEASURED, machine.LOADING), strict=True):
            with machine.starting_on(cores):
                await worker.start()

    async def stop(self) -> None:
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    def cpu(self) -> float:
        return sum(worker.cpu() for worker in self.workers)

    async def connect(self, count: int) -> None:
        await asyncio.gather(*(worker.connect(count // 2) for worker in self.workers))

    async def ask(self, index: int, question: str) -> None:
        await self.workers[index % 2].ask(index // 2, question)

    async def disconnect(self) -> None:
        await asyncio.gather(*(worker.disconnect() for worker in self.workers))

    async def begin(self) -> None:
        for worker in self.workers:
            await worker.begin()

    async def report(self) -> Meter:
        whole, characters = Meter(), Counter[int]()
        for number, worker in enumerate(self.workers):
            part = await worker.report()
            characters.update({2 * index + number: count for index, count in part.characters.items()})
            whole.latencies += part.latencies
            whole.ended += part.ended
            whole.failed += part.failed
            whole.frames += part.frames
        whole.characters = dict(characters)
        return whole


async def one_and_two(upstream: Upstream, streams: int, *, warm: float, window: float) -> list[Figure]:
    """At ten tokens a second and stream, and at more than one worker can do; first one worker, then two."""
    figures = []
    for way in (Polylogue(upstream.base_url, embedded=False), Pair(upstream.base_url)):
        async with way:
            figures += [await at_rate(way, upstream, streams, rate, warm=warm, window=window) for rate in RATES]
    return figures
