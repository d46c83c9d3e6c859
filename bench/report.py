"""The results as people read them: a table on the terminal, plots, and RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import plots
from bench.ladder import KEY, SATURATED
from bench.measure import Figure, as_json, median
from bench.results import TITLES, Results, Target, cost, targets, throughput

BY_HAND = "## What the misses are made of"
"""From this line on, RESULTS.md is written by people, and kept."""


LOAD_FULL = 0.95
"""Share of its core above which the load is what limits."""
INTRO = """\
The last full run of `make bench`, begun {began}, {minutes:.0f} minutes long. Everything was measured in this one run, \
each way as a process of its own on a core of its own, in alternation, the others stopped meanwhile; the load, the \
model's server, Redis and Postgres share the other core. So read ratios, each the median of those of the rounds; the \
times are this machine's.
"""
LOADS = """\
CPU is that of the worker process alone, in a window after a warm-up, per token that the model's server emitted; where \
a way did not keep up (**over**), per token that it delivered. Latency is from the emission of a token to its arrival \
at the client. The floor sends without a log, and the bare loop sends nothing to anyone. A way that was at its limit \
was not given more, except for the largest load of all. The last rows are the extremes: one stream at full speed is \
measured from the beginning of its reply to the end of what is allowed, and for 1,000 at 50 tokens/s the load itself \
needs all of its core (**load**: it was near its limit).
"""
GROWTH = """\
What a token costs one embedded worker as things grow: microseconds, the median of the rounds, lowest and highest in \
brackets. Every open tab is sent every token, so a token costs more with more tabs, and each tab adds less than the \
first.
"""
WORKERS = """\
The second worker shares its core with the load, so two do not deliver twice as much here. What a token costs says \
whether sharing the work has a price.
"""
BROWSER = """\
A reply of {tokens:,} tokens with code blocks at {rate:g} tokens/s in Chromium, as many times as there are rows: \
frames a second, and milliseconds of the page's main thread a token, by quarter of the reply, and once for its end.
"""


def line(figure: Figure) -> str:
    """One figure for the terminal."""
    load = f"{figure.streams:>5} × {figure.rate:g}/s" if figure.rate else f"{figure.streams:>5} × full speed"
    late = "" if figure.p50 is None else f"  p50 {figure.p50:.2f}  p99 {figure.p99:.2f}  max {figure.max:.1f} ms"
    return (
        f"{TITLES[figure.way]:<30}{load:<20}{_number(figure.cpu):>9} µs/token {figure.throughput:>9,.0f}/s"
        f"  core {figure.core:4.0%}  load {figure.load_core:4.0%}  others {figure.others:.2f}{late}{_remark(figure)}"
    )


def page_of(directory: Path) -> Path:
    """Where `write` puts the page."""
    return directory / "RESULTS.md"


def json_of(directory: Path) -> Path:
    """Where `write` puts the results themselves; the plots are beside them."""
    return directory / "results" / "results.json"


def write(results: Results, directory: Path) -> None:
    """Write the results, the plots, and the page that shows them. What people wrote on that page stays."""
    page, directory = page_of(directory), json_of(directory).parent
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_bytes(as_json(results))
    for name, plot in _plots(results).items():
        (directory / f"{name}.svg").write_text(plot)
    kept = page.read_text() if page.exists() else ""
    by_hand = kept[kept.index(BY_HAND) :] if BY_HAND in kept else f"{BY_HAND}\n\nNothing is written here yet.\n"
    page.write_text(f"{text(results, directory.name)}\n{by_hand}")


def text(results: Results, plots_in: str) -> str:
    """The page, but for what people write."""
    again = results.again.items()
    parts = [
        "# What was measured\n",
        INTRO.format(began=results.began, minutes=results.minutes),
        *(f"Measured again since, in the place of what that run had found: {part}, {when}.\n" for part, when in again),
        *(f"- {name}: {value}" for name, value in results.machine.items()),
        _company(results),
        "## Targets\n",
        _table(("figure", "target", "found", ""), ([*_cells(target)] for target in targets(results))),
        "## A token, by way\n",
        f"![CPU a token]({plots_in}/cost.svg)\n",
        _ways(results),
        "## Every load\n",
        LOADS,
        f"![Latency against load]({plots_in}/latency.svg)\n",
        _table(
            ("streams", "tokens/s each", "way", "µs/token", "delivered/s", "core", "p50 ms", "p99 ms", "max ms", ""),
            (_row(figure) for figure in (*results.figures, *results.extremes)),
        ),
        "## Opening another chat\n",
        _table(
            ("way", "by", "streams", "idle p50 ms", "p99", "loaded p50 ms", "p99"),
            (
                (
                    *(TITLES[each.way], each.by, str(each.streams)),
                    *(f"{value:,.1f}" for value in (each.idle, each.idle_p99, each.loaded, each.loaded_p99)),
                )
                for each in results.openings
            ),
        ),
        "## Growth\n",
        GROWTH,
        f"![Growth]({plots_in}/growth.svg)\n",
        _table(("against", "µs/token"), ((curve.name, _points(curve.points)) for curve in results.curves)),
        "## Memory, start, first token\n",
        _table(
            ("way", "at rest", "an idle socket", "a live run of 2,000 tokens"),
            (
                (TITLES[each.way], f"{each.rest / 2**20:.0f} MB", _kilobytes(each.socket), _kilobytes(each.run))
                for each in results.memory
            ),
        ),
        _table(
            ("way", "start", "longest"),
            ((TITLES[each.way], f"{each.median:.2f} s", f"{each.longest:.2f} s") for each in results.starting),
        ),
        _table(
            ("way", "first token p50", "p99", "the model's own p50"),
            (
                (TITLES[each.way], *(f"{value:.1f} ms" for value in (each.median, each.p99, each.upstream)))
                for each in results.first_tokens
            ),
        ),
        "## One worker and two\n",
        WORKERS,
        _table(
            ("workers", "streams", "tokens/s each", "µs/token", "delivered/s", "p99 ms"),
            (
                (
                    *(TITLES[each.way], str(each.streams), f"{each.rate:g}" if each.rate else "full speed"),
                    *(_number(each.cpu), f"{each.throughput:,.0f}", _number(each.p99)),
                )
                for each in results.workers
            ),
        ),
        *_browser(results),
    ]
    return "\n".join(parts)


def table_of_targets(found: Sequence[Target]) -> str:
    """For the terminal."""
    return "\n".join(f"{_met(target):<8}{target.figure}: {target.found} (target {target.target})" for target in found)


def _plots(results: Results) -> dict[str, str]:
    costs = {title: value for way, title in TITLES.items() if (value := results.middle(way, KEY, cost)) is not None}
    late: dict[str, list[tuple[float, float]]] = {}
    for figure in results.figures:
        if figure.p99 is not None:
            late.setdefault(TITLES[figure.way], []).append((figure.streams * figure.rate, figure.p99))
    growth = {
        curve.name: [(point.size, point.cpu / curve.points[0].cpu) for point in curve.points]
        for curve in results.curves
        if curve.points
    }
    return {
        "cost": plots.bars("CPU a token, 300 streams × 10 tokens/s", "µs", costs),
        "latency": plots.lines("Latency against load", "tokens a second, all streams", "p99, ms", late),
        "growth": plots.lines("Cost of a token as things grow", "size", "× the smallest", growth),
    }


def _ways(results: Results) -> str:
    rows = []
    for way, title in TITLES.items():
        found, full = results.middle(way, KEY, cost), results.middle(way, SATURATED, throughput)
        if found is None and full is None:
            continue
        rows.append(
            (
                title,
                _number(found) + ("*" if any(figure.overloaded for figure in results.at(way, KEY)) else ""),
                _number(results.ratio(way, "sdk", KEY, cost)),
                f"{full:,.0f}" if full else "–",
                _number(results.ratio(way, "naive", SATURATED, throughput)),
            )
        )
    head = ("way", "µs/token at 300 × 10/s", "× bare loop", "tokens/s at full speed, 100 streams", "× naive")
    return _table(head, rows) + "\n\\* did not keep up: per token delivered.\n"


def _browser(results: Results) -> list[str]:
    if not results.browser:
        return []
    rows = (
        (f"{each.frames_a_second:.0f}", *(f"{value:.2f}" for value in each.busy), f"{each.ending:.0f}")
        for each in results.browser
    )
    about = BROWSER.format(tokens=results.browser[0].tokens, rate=results.browser[0].rate)
    return ["## The browser\n", about, _table(("frames/s", "first", "second", "third", "last", "its end"), rows)]


def _row(figure: Figure) -> tuple[str, ...]:
    rate = f"{figure.rate:g}" if figure.rate else "full"
    return (
        *(str(figure.streams), rate, TITLES[figure.way], _number(figure.cpu), f"{figure.throughput:,.0f}"),
        *(f"{figure.core:.0%}", _number(figure.p50), _number(figure.p99), _number(figure.max), _remark(figure)),
    )


def _remark(figure: Figure) -> str:
    words = [" **over**"] if figure.overloaded else []
    if figure.load_core > LOAD_FULL:
        words.append(" **load**")
    if figure.missing:
        words.append(f" {figure.missing} tokens did not come")
    return ",".join(words)


def _points(points: Iterable[object]) -> str:
    return ", ".join(
        f"{point.size:,}: {point.cpu:.0f} ({min(point.rounds):.0f}–{max(point.rounds):.0f})"  # type: ignore[attr-defined]
        for point in points
    )


def _company(results: Results) -> str:
    """How quiet the machine was."""
    others = sorted(figure.others for figure in results.figures) or [0.0]
    return (
        f"- in use by others just before the run: {results.cores_busy_before:.2f} cores; by everything but worker and "
        f"load during the measurements, Redis and Postgres included: {median(others):.2f} cores at the median, "
        f"{others[-1]:.2f} at most\n"
    )


def _cells(target: Target) -> tuple[str, ...]:
    return target.figure, target.target, target.found, _met(target)


def _met(target: Target) -> str:
    return "–" if target.met is None else "met" if target.met else "MISSED"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004  # three digits


def _kilobytes(value: int | None) -> str:
    return "–" if value is None else f"{value / 1024:.0f} KB"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
