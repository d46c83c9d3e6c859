"""The page under a long reply with code blocks: frames a second in Chromium, and what a token costs it as it grows."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from typing import Any

import msgspec
from playwright.async_api import CDPSession, Page, async_playwright

from bench import machine
from bench.measure import median
from bench.upstream import Upstream, wish
from bench.ways.polylogue import Polylogue
from tests.e2e.conftest import FLAGS, chromium_path, node_path

TOKENS, RATE = 20_000, 200.0
QUICK_TOKENS = 2000
ROUNDS = 3
"""Replies, of which the median counts: what else the machine does weighs more here than anywhere."""
MORE = 200
"""Tokens after those that are counted, so that the end of the reply is no part of what the last of them cost."""
CALM = 1.0
"""Seconds in which the page has done what the end of a reply asks of it."""
CATEGORIES = "disabled-by-default-devtools.timeline.frame,devtools.timeline.frame"
"""Of tracing: frames, and little else, so that the tracing costs little."""
FRAME = "BeginMainThreadFrame"
"""A frame that the page's main thread made; the compositor alone may draw more."""
PATIENCE = 60.0
"""Seconds more than the reply takes."""


class Browser(msgspec.Struct):
    """What the tracing said."""

    tokens: int
    rate: float
    frames_a_second: float
    """At the median of the seconds of the reply."""
    growth: float
    """Milliseconds of the main thread a token, in the last quarter of the reply over the first."""
    busy: list[float]
    """The same milliseconds, by quarter."""
    ending: float
    """Milliseconds of the main thread for the end of the reply."""


async def measure(upstream: Upstream, *, quick: bool) -> Browser:
    """Watch one reply in a fresh profile of Chromium, which may use every core."""
    tokens = QUICK_TOKENS if quick else TOKENS
    if node := node_path():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    async with Polylogue(upstream.base_url, embedded=True) as way:
        with machine.starting_on(machine.ALL):
            playwright = await async_playwright().start()
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            page = await browser.new_page(viewport={"width": 1400, "height": 900})
            await page.goto(way.server.url)
            return await _watched(page, upstream, tokens)
        finally:
            await browser.close()
            await playwright.stop()


async def _watched(page: Page, upstream: Upstream, tokens: int) -> Browser:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable")
    events: list[dict[str, Any]] = []
    devtools.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    whole = asyncio.get_running_loop().create_future()
    devtools.on("Tracing.tracingComplete", lambda _: whole.set_result(None))
    composer = page.get_by_label("Message", exact=True)
    await composer.fill(wish(tokens=tokens + MORE, rate=RATE, markdown=True))
    await devtools.send("Tracing.start", {"transferMode": "ReportEvents", "categories": CATEGORIES})
    begun = upstream.said
    await composer.press("Enter")
    busy = await _busy(devtools, upstream, begun, tokens)
    await page.locator('.message[data-status="complete"]').wait_for(timeout=1000 * PATIENCE)
    await asyncio.sleep(CALM)
    after = await _worked(devtools)
    await devtools.send("Tracing.end")
    async with asyncio.timeout(PATIENCE):
        await whole
    quarters = [1000 * (late - early) / (tokens / 4) for early, late in itertools.pairwise(busy)]
    return Browser(
        tokens=tokens,
        rate=RATE,
        frames_a_second=_frames(events),
        growth=quarters[-1] / quarters[0],
        busy=quarters,
        ending=max(1000 * (after - busy[-1]) - MORE * quarters[-1], 0),
    )


async def _busy(devtools: CDPSession, upstream: Upstream, begun: int, tokens: int) -> list[float]:
    """`_worked` when the reply began, and at the end of each of its quarters."""
    marks: list[float] = []
    async with asyncio.timeout(tokens / RATE + PATIENCE):
        for quarter in range(5):
            while upstream.said - begun < quarter * tokens // 4:
                await asyncio.sleep(0.05)
            marks.append(await _worked(devtools))
    return marks


async def _worked(devtools: CDPSession) -> float:
    """Seconds that the page's main thread has worked so far."""
    metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def _frames(events: list[dict[str, Any]]) -> float:
    """Frames in each second, at the median; the first and the last second are not whole."""
    drawn = Counter(event["ts"] // 1_000_000 for event in events if event["name"] == FRAME)
    assert drawn, f"there was no frame; traced were {sorted({event['name'] for event in events})}"
    seconds = range(min(drawn) + 1, max(drawn))
    return median([drawn[second] for second in seconds])
