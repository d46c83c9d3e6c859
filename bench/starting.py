"""How long a worker takes to start, and the first token to come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp
import msgspec

from bench.measure import median, quantile
from bench.upstream import Upstream, wish
from bench.ways.base import Way
from bench.ways.polylogue import Polylogue


class Starting(msgspec.Struct):
    """Seconds from the command to the moment at which it can be used, of several starts."""

    way: str
    median: float
    longest: float


class FirstToken(msgspec.Struct):
    """Milliseconds from a question to the first token of its answer."""

    way: str
    median: float
    p99: float
    upstream: float
    """The model's own: the median of asking it directly."""


QUESTION = wish(tokens=20, rate=100)
"""A reply that is over at once may be told of when it has ended, whole and without a first token."""


async def starting(make: Callable[[], Way], starts: int) -> Starting:
    """Start a way so many times; the first start of all, which loads files from the disk, does not count."""
    times = []
    name = ""
    for _ in range(starts + 1):
        way = make()
        name = way.name
        # Nothing of a start waits on the event loop; who ended the run would be heard after all of them.
        await asyncio.sleep(0)
        began = time.monotonic()
        async with way:
            times.append(time.monotonic() - began)
    return Starting(name, median(times[1:]), max(times[1:]))


async def first_token(way: Polylogue, upstream: Upstream, samples: int) -> FirstToken:
    """Ask an idle worker, and the model's server directly, one question after another, in alternation."""
    direct, through = [], []
    async with aiohttp.ClientSession() as client:
        for _ in range(samples):
            direct.append(await _asked_directly(client, upstream))
            through.append(await _asked(way))
    return FirstToken(way.name, 1000 * median(through), 1000 * quantile(sorted(through), 0.99), 1000 * median(direct))


async def _asked_directly(client: aiohttp.ClientSession, upstream: Upstream) -> float:
    body = {"stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    began = time.monotonic()
    async with client.post(f"{upstream.base_url}/chat/completions", json=body) as response:
        line = b'"content":""'
        while b'"content":"' not in line or b'"content":""' in line:  # the first chunk has no text
            line = await response.content.readline()
            assert line, "the model's server ended its answer before it had said anything"
        took = time.monotonic() - began
        await response.read()
    return took


async def _asked(way: Polylogue) -> float:
    await way.connect(1)
    began = time.monotonic()
    await way.ask(0, QUESTION)
    while not way.meter.first_at:
        await asyncio.sleep(0.0005)
    took = way.meter.first_at - began
    while not way.meter.ended:
        await asyncio.sleep(0.01)
    # The title of a new chat is asked of the model right after its first reply.
    await asyncio.sleep(0.05)
    await way.disconnect()
    return took
