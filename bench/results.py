"""What one run of `make bench` found, and which targets it meets: computed, never written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from bench.browser import Browser
from bench.growth import Curve
from bench.ladder import KEY, LARGEST, SATURATED
from bench.measure import Figure, median
from bench.memory import Memory
from bench.starting import FirstToken, Starting
from bench.story import Opening

Value = Callable[[Figure], float | None]

POLYLOGUE = ("embedded", "cluster")
TITLES = {
    "floor": "the floor",
    "sdk": "bare SDK loop",
    "naive": "naive consumer",
    "before": "the before",
    "embedded": "Polylogue, SQLite",
    "cluster": "Polylogue, Redis and Postgres",
    "two workers": "Polylogue, two workers",
}


class Results(msgspec.Struct, kw_only=True):
    """Everything of one run."""

    began: str
    minutes: float = 0
    again: dict[str, str] = {}
    """Parts that were measured again since, and when."""
    quick: bool
    machine: dict[str, str]
    cores_busy_before: float
    """Cores in use by others in the seconds before the run."""
    figures: list[Figure] = []
    extremes: list[Figure] = []
    memory: list[Memory] = []
    openings: list[Opening] = []
    starting: list[Starting] = []
    first_tokens: list[FirstToken] = []
    curves: list[Curve] = []
    workers: list[Figure] = []
    browser: list[Browser] = []
    """One a round."""

    def at(self, way: str, load: tuple[int, float]) -> list[Figure]:
        """The rounds of one way under one load."""
        return [figure for figure in self.figures if (figure.way, figure.streams, figure.rate) == (way, *load)]

    def middle(self, way: str, load: tuple[int, float], of: Value) -> float | None:
        """The median over the rounds of one value; None where nothing was measured."""
        values = [value for figure in self.at(way, load) if (value := of(figure)) is not None]
        return median(values) if values else None

    def ratio(self, way: str, other: str, load: tuple[int, float], of: Value) -> float | None:
        """One way's value over another's, of each round: the median. A machine that is slower for a while is slower for
        both, as they are measured one after the other."""
        pairs = [(of(over), of(under)) for over, under in zip(self.at(way, load), self.at(other, load), strict=False)]
        ratios = [over / under for over, under in pairs if over is not None and under]
        return median(ratios) if ratios else None


class Target(msgspec.Struct):
    """One line of the table of targets."""

    figure: str
    target: str
    found: str
    met: bool | None
    """None: not measured in this run."""


def cost(figure: Figure) -> float | None:
    """CPU a token."""
    return figure.cpu


def late(figure: Figure) -> float | None:
    """The 99th percentile of latency."""
    return figure.p99


def throughput(figure: Figure) -> float | None:
    """Delivered tokens a second."""
    return figure.throughput


def targets(results: Results) -> list[Target]:
    """The issue's table."""
    return [
        *_costs(results),
        *_saturation(results),
        *_latencies(results),
        _largest(results),
        *_openings(results),
        *_memory(results),
        _long_chats(results),
        *_browser(results),
    ]


def _limit(figure: str, found: float | None, limit: float, unit: str, *, least: bool = False) -> Target:
    sign = "≥" if least else "≤"
    if found is None:
        return Target(figure, f"{sign} {limit:g} {unit}", "–", None)
    return Target(
        figure, f"{sign} {limit:g} {unit}", f"{found:.3g} {unit}", found >= limit if least else found <= limit
    )


def _costs(results: Results) -> list[Target]:
    return [
        _limit(
            f"CPU a token, 300 streams × 10/s, {name}",
            results.ratio(way, "sdk", KEY, cost),
            limit,
            "× the bare SDK loop",
        )
        for way, name, limit in (("embedded", "embedded", 0.6), ("cluster", "Redis and Postgres", 0.7))
    ]


def _saturation(results: Results) -> list[Target]:
    return [
        _limit(
            "tokens/s at saturation, Redis and Postgres",
            results.ratio("cluster", other, SATURATED, throughput),
            limit,
            f"× {name}",
            least=True,
        )
        for other, name, limit in (("naive", "the naive consumer", 20), ("sdk", "the bare SDK loop", 2))
    ]


def _latencies(results: Results) -> list[Target]:
    found = [
        _limit(f"p99 added latency, 300 streams × 10/s, {way}", results.middle(way, KEY, late), limit, "ms")
        for way, limit in (("embedded", 12), ("cluster", 15))
    ]
    found += [
        _limit(f"one stream at 20/s, p50, {way}", results.middle(way, (1, 20), lambda figure: figure.p50), 2, "ms")
        for way in POLYLOGUE
    ]
    return found


def _largest(results: Results) -> Target:
    name, target = "1,000 streams × 10/s in one worker", "nothing lost, p99 no worse than the bare SDK loop's own"
    ours = {way: results.at(way, LARGEST) for way in POLYLOGUE}
    bare = results.middle("sdk", LARGEST, late)
    if bare is None or not all(ours.values()):
        return Target(name, target, "–", None)
    lost = sum(figure.missing or 0 for figures in ours.values() for figure in figures)
    lates = {way: results.middle(way, LARGEST, late) or float("inf") for way in POLYLOGUE}
    found = f"{lost} lost; " + ", ".join(f"{way} {value:.3g} ms" for way, value in lates.items())
    return Target(name, target, f"{found}, bare SDK {bare:.3g} ms", lost == 0 and max(lates.values()) <= bare)


def _openings(results: Results) -> list[Target]:
    return [
        Target(
            f"opening another chat while {opening.streams} stream, {opening.way}, {opening.by}",
            "≤ 1.5 × idle at the median, ≤ 3 × at p99",
            f"{opening.ratio:.2f} ×, {opening.ratio_p99:.2f} × ({opening.idle:.1f} → {opening.loaded:.1f} ms)",
            opening.ratio <= 1.5 and opening.ratio_p99 <= 3,  # noqa: PLR2004  # the target itself
        )
        for opening in results.openings
        if opening.way in POLYLOGUE
    ]


def _memory(results: Results) -> list[Target]:
    found = []
    for memory in results.memory:
        if memory.way in POLYLOGUE:
            socket = memory.socket / 1024 if memory.socket is not None else None
            run = memory.run / 1024 if memory.run is not None else None
            found.append(_limit(f"memory of an idle socket, {memory.way}", socket, 60, "KB"))
            found.append(_limit(f"memory of a live run of 2,000 tokens, {memory.way}", run, 150, "KB"))
    return found


def _long_chats(results: Results) -> Target:
    curve = next((curve for curve in results.curves if curve.name.startswith("messages")), None)
    return _limit("cost of a token, 10,000-message chat against 10", curve.ratio if curve else None, 1.1, "×")


def _browser(results: Results) -> Sequence[Target]:
    if not results.browser:
        return []
    frames = median([each.frames_a_second for each in results.browser])
    growth = median([each.growth for each in results.browser])
    return [
        _limit("browser, 20,000 tokens at 200/s: median frame rate", frames, 50, "/s", least=True),
        _limit("browser: cost of a token, last quarter of the reply against the first", growth, 1.1, "×"),
    ]
