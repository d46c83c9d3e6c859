"""What stays in memory: at rest, for a socket that idles, for a reply under way."""

from __future__ import annotations

import asyncio

import msgspec

from bench import machine
from bench.upstream import Upstream, wish
from bench.ways.base import Way
from bench.ways.polylogue import Polylogue

WARM = 20
"""Streams that are opened, asked and ended before anything is counted: code is loaded, pools are full."""
SETTLE = 1.0
"""Seconds."""
REPLY = 2000
"""Tokens."""
REPLY_RATE = 100.0
"""Tokens a second; slow enough that most tokens are events of their own, as in life."""
RUNS = 100
PATIENCE = 60.0
"""Seconds more than something should take, until it counts as broken."""


class Memory(msgspec.Struct):
    """Bytes of resident memory of one way's process."""

    way: str
    rest: int
    """After the start, before anyone came."""
    socket: int | None
    """For each idle socket, signed in and with an empty chat open where the way has such things."""
    run: int | None
    """For each reply under way that has 2,000 tokens, where the way keeps them."""


async def memory(way: Way, upstream: Upstream, sockets: int) -> Memory:
    """Measure a way whose process has just started."""
    await asyncio.sleep(SETTLE)
    rest = machine.rss(way.pid)
    if not way.sends:
        return Memory(way.name, rest, None, None)
    await _warm_up(way)
    idle = machine.rss(way.pid)
    await way.connect(sockets)
    await asyncio.sleep(SETTLE)
    socket = (machine.rss(way.pid) - idle) // sockets
    if not isinstance(way, Polylogue):
        await way.disconnect()
        return Memory(way.name, rest, socket, None)
    before = machine.rss(way.pid)
    for index in range(RUNS):
        await way.ask(index, wish(tokens=REPLY, rate=REPLY_RATE, hold=True))
    async with asyncio.timeout(REPLY / REPLY_RATE + PATIENCE):
        while way.meter.delivered < REPLY * RUNS:
            await asyncio.sleep(0.1)
    run = (machine.rss(way.pid) - before) // RUNS
    upstream.release()
    await asyncio.sleep(SETTLE)
    await way.disconnect()
    return Memory(way.name, rest, socket, run)


async def _warm_up(way: Way) -> None:
    await way.connect(WARM)
    for index in range(WARM):
        await way.ask(index, wish(tokens=50))
    async with asyncio.timeout(PATIENCE):
        while way.meter.ended < WARM:
            await asyncio.sleep(0.05)
    await way.disconnect()
    await asyncio.sleep(SETTLE)
