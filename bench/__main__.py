"""`make bench`: measure everything, print it, and keep it. `QUICK=1` measures a little of it.

python -m bench [PART…]     all parts, or some of: ladder extremes story growth memory starting workers browser
python -m bench --again PART…     the same, in the place of those of the last whole run

What has been found so far is in `var/bench`. `bench/` keeps the last run in which everything was measured.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

import django
import msgspec
import uvloop

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from bench import browser, ladder, machine, report  # noqa: E402  # people of tests need the settings
from bench.growth import curves  # noqa: E402
from bench.ladder import Load  # noqa: E402
from bench.measure import Figure  # noqa: E402
from bench.memory import memory  # noqa: E402
from bench.results import Results, targets  # noqa: E402
from bench.starting import first_token, starting  # noqa: E402
from bench.story import Before, openings  # noqa: E402
from bench.upstream import Upstream  # noqa: E402
from bench.ways.polylogue import Polylogue  # noqa: E402
from bench.workers import one_and_two  # noqa: E402
from config.server import allow_open_files  # noqa: E402
from tests.process import ROOT  # noqa: E402

PARTS = {
    "ladder": ("figures",),
    "extremes": ("extremes",),
    "story": ("openings",),
    "growth": ("curves",),
    "memory": ("memory",),
    "starting": ("starting", "first_tokens"),
    "workers": ("workers",),
    "browser": ("browser",),
}
"""And what of the results each finds. No ratio or target is of two parts."""
QUICK_PARTS = ("ladder", "story", "starting", "growth")
SO_FAR = ROOT / "var" / "bench"
KEPT = ROOT / "bench"


class Bench:
    """One run. Each part is a method of its name."""

    def __init__(self, upstream: Upstream, results: Results) -> None:
        self.upstream = upstream
        self.quick = results.quick
        self.warm, self.window = (1.0, 2.0) if self.quick else (1.5, 4.0)
        self.results = results

    def write(self) -> None:
        """Show what there is so far."""
        report.write(self.results, SO_FAR)

    async def ladder(self) -> None:
        await self._climb(ladder.QUICK_LOADS if self.quick else ladder.LOADS, self.results.figures)

    async def extremes(self) -> None:
        await self._climb(ladder.EXTREMES, self.results.extremes)

    async def _climb(self, loads: Sequence[Load], figures: list[Figure]) -> None:
        def say(figure: Figure) -> None:
            print(report.line(figure), flush=True)
            figures.append(figure)
            self.write()

        await ladder.climb(
            self.upstream, loads, known=self.results.figures, warm=self.warm, window=self.window, say=say
        )

    async def memory(self) -> None:
        for way in ladder.ways(self.upstream.base_url):
            async with way:
                self.results.memory.append(await memory(way, self.upstream, 100 if self.quick else 1000))

    async def story(self) -> None:
        streams, samples = (50, 30) if self.quick else (300, 200)
        for embedded in (True,) if self.quick else (True, False):
            async with self._polylogue(embedded) as way:
                self.results.openings += await openings(way, self.upstream, streams, samples)
        async with Before(self.upstream.base_url) as before:
            for replies in (1,) if self.quick else (1, 3):
                self.results.openings.append(await before.measure(replies, 1 if self.quick else 3))

    async def starting(self) -> None:
        for embedded in (True, False):
            make = functools.partial(self._polylogue, embedded)
            self.results.starting.append(await starting(make, 1 if self.quick else 5))
            async with self._polylogue(embedded) as way:
                self.results.first_tokens.append(await first_token(way, self.upstream, 10 if self.quick else 50))

    async def growth(self) -> None:
        self.results.curves = await curves(self.upstream, rounds=1 if self.quick else 4, window=2.0, quick=self.quick)

    async def workers(self) -> None:
        streams = 50 if self.quick else 300
        self.results.workers = await one_and_two(self.upstream, streams, warm=self.warm, window=self.window)

    async def browser(self) -> None:
        for _ in range(1 if self.quick else browser.ROUNDS):
            self.results.browser.append(await browser.measure(self.upstream, quick=self.quick))

    def _polylogue(self, embedded: bool) -> Polylogue:
        return Polylogue(self.upstream.base_url, embedded=embedded)


def _in_place_of(parts: list[str], last: Results, now: str) -> Results:
    """The last results without these parts, which are measured again."""
    nothing = Results(began="", quick=False, machine={}, cores_busy_before=0)
    emptied = {field: getattr(nothing, field) for part in parts for field in PARTS[part]}
    return msgspec.structs.replace(last, **emptied, again=last.again | dict.fromkeys(parts, now))


async def run(parts: list[str], *, quick: bool, again: bool) -> None:
    """Measure these parts, print, and write what was found. Cancelled by a signal it ends with all that it started."""
    # Not by raising wherever the signal comes: some of those places swallow every exception.
    measuring = asyncio.current_task()
    assert measuring is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, measuring.cancel)
    # A thousand streams are three thousand sockets of the load's process.
    allow_open_files()
    busy = machine.Busy()
    await asyncio.sleep(3)
    idle = busy.since()
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    results = Results(began=now, quick=quick, machine=machine.description(), cores_busy_before=idle)
    if again:
        last = msgspec.json.decode(report.json_of(KEPT).read_bytes(), type=Results)
        if last.machine != results.machine:
            sys.exit("The last whole run was on another machine, or with other versions: measure everything.")
        results = _in_place_of(parts, last, now)
    machine.pin(machine.LOADING)
    failed: list[str] = []
    async with Upstream() as upstream:
        bench = Bench(upstream, results)
        for part in parts:
            started = time.monotonic()
            print(f"--- {part}", flush=True)
            try:
                await getattr(bench, part)()
            except Exception:  # noqa: BLE001  # whatever it is, it is printed and counted
                # The figures of the other parts are worth having all the same.
                traceback.print_exc()
                failed.append(part)
            took = time.monotonic() - started
            print(f"    {took:.0f} s", flush=True)
            results.minutes += 0 if again else took / 60
            bench.write()
    print(report.table_of_targets(targets(bench.results)))
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}. The rest: {report.page_of(SO_FAR)}")
    # Part of a run, or a quick one, is no result to keep by itself.
    where = KEPT if again or (not quick and parts == list(PARTS)) else SO_FAR
    report.write(results, where)
    print(f"Written: {report.page_of(where)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--again", action="store_true")
    quick = os.environ.get("QUICK", "") not in ("", "0", "off")
    arguments = parser.parse_args()
    if arguments.again and (quick or not arguments.parts):
        parser.error("--again is for parts that are named, and not for quick ones")
    chosen = arguments.parts or list(QUICK_PARTS if quick else PARTS)
    try:
        uvloop.run(run(chosen, quick=quick, again=arguments.again))
    except asyncio.CancelledError:
        sys.exit(f"Ended before its time. So far: {report.page_of(SO_FAR)}")


if __name__ == "__main__":
    main()
