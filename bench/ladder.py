"""Every way under every load, in alternation: whatever else the machine does, it does to all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import psutil

from bench.measure import Figure, at_full_speed, at_rate
from bench.upstream import Upstream
from bench.ways.base import Way
from bench.ways.polylogue import Polylogue
from bench.ways.sdk import BareSdk
from bench.ways.sockets import Floor, Naive

Load = tuple[int, float]
"""Streams, and tokens a second of each; 0 is full speed."""

KEY: Load = (300, 10)
"""The load that most targets speak of."""
SATURATED: Load = (100, 0)
LARGEST: Load = (1000, 10)
LOADS: Sequence[Load] = (
    *(KEY, SATURATED, (1, 20), LARGEST, KEY, (50, 10), (50, 50), KEY, (600, 10), (1, 10), (1, 50), KEY, (300, 50)),
    *((600, 50), (300, 0), (50, 0), KEY),
)
"""The one that matters most five times, apart from each other."""
EXTREMES: Sequence[Load] = ((1, 0), (600, 0), (1000, 0), (1000, 50))
"""Loads where the load itself, or the length of a reply, is a limit. No target speaks of them."""
QUICK_LOADS: Sequence[Load] = ((1, 20), (50, 10), SATURATED)
LONG = 2.0
"""A window this much longer for the loads that targets speak of."""
STEADY = (4.0, 3.0)
"""The same of the warm-up and the window at full speed, where what waits in the sockets' buffers comes in waves."""
IDLE = 0.02
"""Seconds of CPU in a quarter of a second below which a worker has nothing to do."""
FULL = 0.8
"""Share of a core above which a worker that does not keep up is at its limit, and was not merely held up."""


def ways(base_url: str) -> list[Way]:
    """All that run beside each other, the cheapest first; what is compared most is next to each other."""
    return [
        Floor(base_url),
        BareSdk(base_url),
        Polylogue(base_url, embedded=True),
        Polylogue(base_url, embedded=False),
        Naive(base_url),
    ]


async def climb(
    upstream: Upstream,
    loads: Sequence[Load],
    *,
    known: Sequence[Figure] = (),
    warm: float,
    window: float,
    say: Callable[[Figure], None],
) -> None:
    """Measure each way at each load; `say` is called with each figure at once.

    A way that could not keep up, here or in the figures that are `known`, is not asked for more, but for the largest
    load of all, which a target speaks of. What cannot be measured is left out, and raised in the end as an
    `ExceptionGroup`.
    """
    found, failed = [*known], []
    async with AsyncExitStack() as stack:
        everyone = [await stack.enter_async_context(way) for way in ways(upstream.base_url)]
        for load in loads:
            for way in everyone:
                if not _worth_it(way, load, found):
                    continue
                try:
                    with _others_held(way, everyone):
                        figure = await _measured(way, upstream, load, warm, window)
                        await _at_rest(way)
                except Exception as error:  # noqa: BLE001  # whatever it is, the others are worth having
                    error.add_note(f"{way.title}, {load[0]} streams, {load[1]:g} tokens/s")
                    failed.append(error)
                    await way.restart()
                    continue
                found.append(figure)
                say(figure)
    if failed:
        raise ExceptionGroup("not measured", failed)


async def _at_rest(way: Way) -> None:
    """Return when a way has put its closed sockets away, as far as it can be seen, or after some seconds: stopped
    before, it would find that it had taken too long for that."""
    used = way.cpu()
    for _ in range(20):
        await asyncio.sleep(0.25)
        before, used = used, way.cpu()
        if used - before < IDLE:
            return


@contextmanager
def _others_held(way: Way, everyone: Sequence[Way]) -> Iterator[None]:
    """Meanwhile the processes of all others are stopped. They have the same core, and a worker still has things to do
    when its replies have ended: the log of 300 of them, removed two minutes later, takes it a third of a second."""
    others = [psutil.Process(other.pid) for other in everyone if other is not way]
    for other in others:
        other.suspend()
    try:
        yield
    finally:
        for other in others:
            other.resume()


async def _measured(way: Way, upstream: Upstream, load: Load, warm: float, window: float) -> Figure:
    streams, rate = load
    if rate:
        seconds = window * (LONG if load in (KEY, (1, 20)) else 1)
        return await at_rate(way, upstream, streams, rate, warm=warm, window=seconds)
    # One reply at full speed is as long as it may be after a second or two: it is measured from its beginning.
    before = STEADY[0] * warm if streams > 1 else 0
    return await at_full_speed(way, upstream, streams, warm=before, window=STEADY[1] * window)


def _worth_it(way: Way, load: Load, found: Sequence[Figure]) -> bool:
    if load == LARGEST and way.name == "sdk":
        return True
    streams, rate = load
    over = (each for each in found if each.way == way.name and each.overloaded and each.core > FULL)
    return streams * rate <= min((each.streams * each.rate for each in over), default=float("inf"))
