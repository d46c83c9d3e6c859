"""Whether a token costs the same however much there is: long chats, long replies, people with many chats, many tabs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.measure import Figure, at_rate, median
from bench.upstream import Upstream
from bench.ways.polylogue import Polylogue

STREAMS = 20
RATE = 50.0
"""With `STREAMS`, a thousand tokens a second: enough for the clock of CPU time, and far from a full core."""
TABS_STREAMS = 4
"""Streams where each is followed by up to fifty tabs."""
TABS_LONGER = STREAMS / TABS_STREAMS
"""So much longer are their windows, so that as many tokens come."""


class Point(msgspec.Struct):
    """One size, and what a token costs there."""

    size: int
    cpu: float
    """Microseconds a token emitted; the median of the rounds."""
    rounds: list[float]
    """The same of each."""
    p99: float | None


class Curve(msgspec.Struct):
    """What a token costs against one kind of size."""

    name: str
    points: list[Point]
    missing: int
    """Tokens that never arrived, in all rounds."""

    @property
    def ratio(self) -> float:
        """The largest size's cost over the smallest's, of each round: the median."""
        smallest, largest = self.points[0].rounds, self.points[-1].rounds
        return median([large / small for small, large in zip(smallest, largest, strict=True)])


async def curves(upstream: Upstream, *, rounds: int, window: float, quick: bool) -> list[Curve]:
    """All curves, on one embedded worker. The rounds of each alternate between its sizes."""
    small, large = ([10], [1000]) if quick else ([10, 100, 1000], [10_000])
    async with Polylogue(upstream.base_url, embedded=True) as way:
        found = [
            await _chat_length(way, upstream, small + large, rounds, window),
            await _reply_length(way, upstream, [100, *large] if quick else [100, 1000, 10_000, 50_000], rounds, window),
        ]
        if not quick:
            found.append(await _chats_owned(way, upstream, small + large, rounds, window))
            found.append(await _tabs(way, upstream, [1, 2, 5, 10, 25, 50], 1, window))
    return found


async def _chat_length(way: Polylogue, upstream: Upstream, sizes: Sequence[int], rounds: int, window: float) -> Curve:
    figures: dict[int, list[Figure]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            # New ones each time: the replies of the last round would make them longer.
            way.places = [(person, await person.new_chat()) for person in way.people(STREAMS)]
            await way.fill("messages", size, [chat for _, chat in way.places])
            figures[size].append(await at_rate(way, upstream, STREAMS, RATE, warm=1.0, window=window))
    way.places = []
    return _curve("messages in the chat", figures)


async def _reply_length(way: Polylogue, upstream: Upstream, sizes: Sequence[int], rounds: int, window: float) -> Curve:
    figures: dict[int, list[Figure]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            figures[size].append(await at_rate(way, upstream, STREAMS, RATE, warm=1.0, window=window, skip=size))
    return _curve("tokens in the reply", figures)


async def _chats_owned(way: Polylogue, upstream: Upstream, sizes: Sequence[int], rounds: int, window: float) -> Curve:
    figures: dict[int, list[Figure]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, owner in zip(sizes, way.people(len(sizes)), strict=True):
            await way.fill("chats", size, [owner.id])
            way.places = [(owner, await owner.new_chat()) for _ in range(STREAMS)]
            figures[size].append(await at_rate(way, upstream, STREAMS, RATE, warm=1.0, window=window))
    way.places = []
    return _curve("chats owned", figures)


async def _tabs(way: Polylogue, upstream: Upstream, sizes: Sequence[int], rounds: int, window: float) -> Curve:
    figures: dict[int, list[Figure]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            way.tabs = size
            figures[size].append(
                await at_rate(way, upstream, TABS_STREAMS, RATE, warm=1.0, window=TABS_LONGER * window, tabs=size)
            )
    way.tabs = 1
    return _curve("tabs a chat", figures)


def _curve(name: str, figures: dict[int, list[Figure]]) -> Curve:
    points = []
    for size, rounds in figures.items():
        costs = [figure.cpu for figure in rounds if figure.cpu is not None]
        if not costs:
            raise ValueError(f"{name}, {size}: too few tokens came to say what one costs")
        late = [figure.p99 for figure in rounds if figure.p99 is not None]
        points.append(Point(size, median(costs), costs, median(late) if late else None))
    return Curve(name, points, sum(figure.missing or 0 for rounds in figures.values() for figure in rounds))
