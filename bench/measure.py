"""One way under one load: what a token costs, how late it comes, and whether all of them came."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from bench import machine
from bench.upstream import Upstream, wish
from bench.ways.base import Way

ASKS = 150.0
"""Streams begun a second, at random moments: streams in step would gather tokens into batches as no real load does."""
LAG = 0.2
"""Seconds of tokens that may be under way when a window begins: what the starts held up has come by then."""
SETTLES_WITHIN = 15.0
"""Seconds; a way that lags for longer has more to do than it can."""
STILL = 5.0
"""Seconds without a token after which no more are waited for: what has not arrived by then is missing."""
LONGEST = 60.0
"""Seconds for which the end of all replies is waited for; what arrives this late is none too many either."""
KEEPS_UP = 0.97
"""Of the tokens emitted, or wanted, in the window, the share that has to arrive in it: below, a way is overloaded."""
FEW = 1000
"""Tokens in a window below which the clock of CPU time is too coarse to say what one costs."""
ENDLESS = 100_000_000
LONG_REPLY = 400_000
"""Tokens of nine characters: nearly the 4 MiB that Polylogue lets a reply become."""


class Figure(msgspec.Struct, kw_only=True):
    """What was measured. Times in milliseconds, CPU in microseconds; None: not measurable here."""

    way: str
    streams: int
    rate: float
    """Tokens a second and stream; 0 is full speed."""
    emitted: int
    """Tokens that the model's server sent in the window."""
    delivered: int
    """Tokens that arrived in the window, on one tab a stream."""
    seconds: float
    """The window."""
    cpu: float | None
    """Of the worker process, a token emitted; where it does not keep up, a token delivered."""
    core: float
    """Share of one core that the worker used."""
    load_core: float
    """The same of the process that makes the load: near 1, it is what limits."""
    others: float
    """Cores used by everything else on the machine: Redis, Postgres, and whoever else is there."""
    overloaded: bool
    p50: float | None = None
    p99: float | None = None
    max: float | None = None
    frames: float | None = None
    """Frames a delivered token."""
    missing: int | None = None
    """Tokens that had not arrived in the end, of all that were sent; None where nobody waited for the end."""

    @property
    def throughput(self) -> float:
        """Delivered tokens a second."""
        return self.delivered / self.seconds


async def at_rate(
    way: Way, upstream: Upstream, streams: int, rate: float, *, warm: float, window: float, tabs: int = 1, skip: int = 0
) -> Figure:
    """`streams` replies of `rate` tokens a second, once all have begun and for `window` seconds, and then to their end.

    A way that was overloaded has a new process afterwards.
    """
    await way.connect(streams)
    before = upstream.emitted
    async with asyncio.timeout(LONGEST):
        await _ask(way, streams, wish(tokens=ENDLESS, rate=rate, skip=skip))
    await _settled(way, upstream, before, tabs, allowed=LAG * rate * streams)
    async with _undisturbed(warm):
        reading = await _Reading.now(way, upstream)
        await way.begin()
        await asyncio.sleep(window)
        figure = await reading.figure(way, upstream, streams, rate, tabs)
    delivered = await _delivered_in_the_end(way, upstream, streams * tabs)
    figure.missing = (upstream.emitted - before) * tabs - delivered
    await (way.restart() if figure.overloaded or figure.missing else way.disconnect())
    return figure


async def at_full_speed(way: Way, upstream: Upstream, streams: int, *, warm: float, window: float) -> Figure:
    """`streams` replies as fast as the way takes them, once all have been asked for. It has a new process afterwards.

    The window is shorter where the replies end before.
    """
    await way.connect(streams)
    asked, before = upstream.asked, upstream.emitted
    async with asyncio.timeout(LONGEST):
        await _ask(way, streams, wish(tokens=LONG_REPLY, wait=True))
        while upstream.asked < asked + streams:
            await asyncio.sleep(0.05)
    upstream.release()
    async with _undisturbed(warm):
        reading = await _Reading.now(way, upstream)
        await way.begin()
        end = time.monotonic() + window
        while time.monotonic() < end and upstream.emitted < before + streams * LONG_REPLY:
            await asyncio.sleep(0.02)
        figure = await reading.figure(way, upstream, streams, 0)
    figure.p50 = figure.p99 = figure.max = None
    figure.overloaded = False
    await way.restart()
    return figure


async def _ask(way: Way, streams: int, question: str) -> None:
    tasks = []
    for index in range(streams):
        tasks.append(asyncio.create_task(way.ask(index, question)))
        await asyncio.sleep(random.uniform(0, 2 / ASKS))  # noqa: S311  # spreads load
    await asyncio.gather(*tasks)


async def _settled(way: Way, upstream: Upstream, before: int, tabs: int, allowed: float) -> None:
    deadline = time.monotonic() + SETTLES_WITHIN
    while time.monotonic() < deadline:
        emitted = upstream.emitted - before
        if emitted - (await way.report()).delivered / tabs < max(allowed, 10):
            break
        await way.begin()  # so that the next report has few latencies to tell
        await asyncio.sleep(0.25)


async def _delivered_in_the_end(way: Way, upstream: Upstream, replies: int) -> int:
    """End all replies; also those that a way with too much to do begins to read only now."""
    began = moved = time.monotonic()
    delivered = 0
    while (meter := await way.report()).ended + meter.failed < replies:
        upstream.finish()
        if meter.delivered > delivered:
            delivered, moved = meter.delivered, time.monotonic()
        if time.monotonic() > min(moved + STILL, began + LONGEST):
            break
        await asyncio.sleep(0.5)
    return meter.delivered


@contextlib.asynccontextmanager
async def _undisturbed(warm: float) -> AsyncIterator[None]:
    """The load's own garbage collection would count as the lateness of whoever is measured: it comes before the block,
    and so do the `warm` seconds in which what it held up is caught up with."""
    gc.collect()
    gc.disable()
    try:
        await asyncio.sleep(warm)
        yield
    finally:
        gc.enable()


class _Reading:
    """The counters at the beginning of a window."""

    def __init__(self, cpu: float, load: float, emitted: int, delivered: int, frames: int) -> None:
        self.cpu, self.load, self.emitted, self.delivered, self.frames = cpu, load, emitted, delivered, frames
        self.at = time.monotonic()
        self.busy = machine.Busy()

    @classmethod
    async def now(cls, way: Way, upstream: Upstream) -> _Reading:
        meter = await way.report()
        return cls(way.cpu(), machine.cpu(os.getpid()), upstream.emitted, meter.delivered, meter.frames)

    async def figure(self, way: Way, upstream: Upstream, streams: int, rate: float, tabs: int = 1) -> Figure:
        cpu, load = way.cpu() - self.cpu, machine.cpu(os.getpid()) - self.load
        everyone = self.busy.since()
        emitted, seconds = upstream.emitted - self.emitted, time.monotonic() - self.at
        meter = await way.report()
        delivered, frames = meter.delivered - self.delivered, meter.frames - self.frames
        # Where a way takes so little that the model's server falls behind too, what was wanted counts.
        overloaded = delivered < KEEPS_UP * max(emitted, streams * rate * seconds) * tabs
        per = delivered / tabs if overloaded or not rate else emitted
        late = sorted(meter.latencies)
        return Figure(
            way=way.name,
            streams=streams,
            rate=rate,
            emitted=emitted,
            delivered=int(delivered / tabs),
            seconds=seconds,
            cpu=1e6 * cpu / per if per >= FEW else None,
            core=cpu / seconds,
            load_core=load / seconds,
            others=max(everyone - (cpu + load) / seconds, 0.0),
            overloaded=overloaded,
            p50=_milliseconds(late, 0.5),
            p99=_milliseconds(late, 0.99),
            max=_milliseconds(late, 1),
            frames=frames / delivered if frames and delivered else None,
        )


def _milliseconds(ordered: Sequence[float], share: float) -> float | None:
    return round(1000 * quantile(ordered, share), 3) if ordered else None


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of these lie."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one, or what lies in the middle of two."""
    return statistics.median(values)


def as_json(figures: Any) -> bytes:
    """For the files in `results/`."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n"
