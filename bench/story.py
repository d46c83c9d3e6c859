"""The story that began this project: how long another chat takes to open while others stream, against an idle worker.

Before, that was as long as the replies under way took to end. Then, with Polylogue: by socket and by HTTP.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import IO

import aiohttp
import msgspec

from bench import machine
from bench.measure import ASKS, median, quantile
from bench.upstream import wish
from bench.ways.base import end, free_port, spawn, wait_for_port
from bench.ways.polylogue import Polylogue, Tab

RATE = 10.0
"""Tokens a second of each stream."""
PAUSE = 0.02
"""Seconds between two openings."""
MESSAGES = 20
"""In the chat that is opened."""
BEFORE_TOKENS = 30
"""Of each reply of the synchronous worker: three seconds."""


class Opening(msgspec.Struct):
    """Milliseconds to open another chat."""

    way: str
    by: str
    """`socket` or `http`."""
    streams: int
    idle: float
    idle_p99: float
    loaded: float
    loaded_p99: float

    @property
    def ratio(self) -> float:
        """Loaded over idle, at the median."""
        return self.loaded / self.idle

    @property
    def ratio_p99(self) -> float:
        """The same at the 99th percentile."""
        return self.loaded_p99 / self.idle_p99


async def openings(way: Polylogue, streams: int, samples: int) -> list[Opening]:
    """Open a chat `samples` times by socket and by HTTP on an idle worker, and again while `streams` replies stream."""
    person = way.people(streams + 1)[-1]
    chat = await person.new_chat()
    await way.fill("messages", MESSAGES, [chat])
    await way.connect(streams)
    tab = await way.tab(person, -1)
    async with aiohttp.ClientSession(headers={"Cookie": person.cookie}) as client:
        address = f"{way.server.url}api/chats/{chat}/messages"
        ways = {"socket": lambda: _by_socket(tab, chat), "http": lambda: _by_http(client, address)}
        await _sampled(ways, 10)
        idle = await _sampled(ways, samples)
        seconds = streams / ASKS + len(ways) * samples * (PAUSE + 0.02) + 2
        for index in range(streams):
            await way.ask(index, wish(tokens=math.ceil(RATE * seconds), rate=RATE))
        await asyncio.sleep(1)
        loaded = await _sampled(ways, samples)
        assert way.meter.ended == 0, "the replies ended before the last chat was opened"
    await tab.close()
    await way.restart()
    return [_opening(way.name, by, streams, idle[by], loaded[by]) for by in ways]


class Before:
    """One synchronous gunicorn worker."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.port = free_port()
        self._log: IO[bytes]

    async def measure(self, streams: int, samples: int) -> Opening:
        """The same by HTTP; loaded, each sample waits for the replies that were begun just before it."""
        with machine.starting_on(machine.cores()[0]):
            process, self._log = spawn(
                *("-m", "gunicorn", "--workers", "1", "--worker-class", "sync", "--timeout", "300"),
                *("--bind", f"127.0.0.1:{self.port}", "bench.apps.before:application"),
                env={"OPENAI_BASE_URL": self.base_url},
            )
        try:
            wait_for_port(process, self.port, self._log)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client:
                address = f"http://127.0.0.1:{self.port}/"
                await _by_http(client, f"{address}chat/")
                idle = [await _by_http(client, f"{address}chat/") for _ in range(10 * samples)]
                loaded = [await self._loaded(client, address, streams) for _ in range(samples)]
        finally:
            end(process)
        return _opening("before", "http", streams, idle, loaded)

    async def _loaded(self, client: aiohttp.ClientSession, address: str, streams: int) -> float:
        asking = [asyncio.create_task(self._ask(client, address)) for _ in range(streams)]
        await asyncio.sleep(0.3)
        took = await _by_http(client, f"{address}chat/")
        await asyncio.gather(*asking)
        return took

    async def _ask(self, client: aiohttp.ClientSession, address: str) -> None:
        async with client.post(f"{address}ask/", data=wish(tokens=BEFORE_TOKENS, rate=RATE)) as response:
            await response.read()


async def _sampled(ways: Mapping[str, Callable[[], Awaitable[float]]], samples: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(samples):
        for name, opened in ways.items():
            times[name].append(await opened())
            await asyncio.sleep(PAUSE)
    return times


async def _by_socket(tab: Tab, chat: str) -> float:
    began = time.monotonic()
    await tab.show(chat)
    took = time.monotonic() - began
    await tab.ask("chat.close", chat=chat)
    return took


async def _by_http(client: aiohttp.ClientSession, address: str) -> float:
    began = time.monotonic()
    async with client.get(address) as response:
        await response.read()
        assert response.ok, await response.text()
    return time.monotonic() - began


def _opening(way: str, by: str, streams: int, idle: list[float], loaded: list[float]) -> Opening:
    def ms(times: list[float], share: float) -> float:
        return 1000 * quantile(sorted(times), share)

    return Opening(way, by, streams, 1000 * median(idle), ms(idle, 0.99), 1000 * median(loaded), ms(loaded, 0.99))
