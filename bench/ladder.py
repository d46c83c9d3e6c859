"""Every way under every load, in alternation: whatever else the machine does, it does to all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

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
"""The one that matters most five times, apart from each other. Left out: 1,000 streams at 50 tokens a second, for
which the load alone would need more than its core; one stream at full speed, whose reply is as long as a reply may be
before it can be measured; 600 and 1,000 at full speed, of which the last may not have begun after a minute, on the
floor too."""
QUICK_LOADS: Sequence[Load] = ((1, 20), (50, 10), SATURATED)
LONG = 2.0
"""A window this much longer for the loads that targets speak of."""
STEADY = (4.0, 3.0)
"""The same of the warm-up and the window at full speed, where what waits in the sockets' buffers comes in waves."""
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
    warm: float,
    window: float,
    say: Callable[[Figure], None],
) -> None:
    """Measure each way at each load; `say` is called with each figure at once.

    A way that could not keep up is not asked for more, but for the largest load of all, which a target speaks of.
    """
    limits: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        everyone = [await stack.enter_async_context(way) for way in ways(upstream.base_url)]
        for load in loads:
            streams, rate = load
            for way in everyone:
                if not _worth_it(way, load, limits):
                    continue
                if rate:
                    seconds = window * (LONG if load in (KEY, (1, 20)) else 1)
                    figure = await at_rate(way, upstream, streams, rate, warm=warm, window=seconds)
                else:
                    times = {"warm": STEADY[0] * warm, "window": STEADY[1] * window}
                    figure = await at_full_speed(way, upstream, streams, **times)
                if figure.overloaded and figure.core > FULL:
                    limits[way.name] = min(streams * rate, limits.get(way.name, streams * rate))
                say(figure)


def _worth_it(way: Way, load: Load, limits: dict[str, float]) -> bool:
    streams, rate = load
    if load == LARGEST and way.name == "sdk":
        return True
    return streams * rate <= limits.get(way.name, float("inf"))
