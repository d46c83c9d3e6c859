"""The story that began this project: how long another chat takes to open while others stream, against an idle worker.

Before, that was as long as the replies under way took to end. Then, with Polylogue: by socket and by HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import aiohttp
import msgspec

from bench import machine
from bench.measure import ENDLESS, median, quantile
from bench.upstream import Upstream, wish
from bench.ways.base import free_port, spawn, wait_for_port
from bench.ways.polylogue import Polylogue, Tab

RATE = 10.0
"""Tokens a second of each stream."""
PAUSE = 0.02
"""Seconds between two openings."""
TURNS = 5
SETTLED = 1.0
"""Seconds after the replies have begun, or ended and their chats have titles, before anything is measured."""
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


async def openings(way: Polylogue, upstream: Upstream, streams: int, samples: int) -> list[Opening]:
    """Open a chat `samples` times by socket and by HTTP on an idle worker, and as often while `streams` replies stream.

    In turns: a machine that is slower for a while is so for both.
    """
    person = way.people(streams + 1)[-1]
    chat = await person.new_chat()
    await way.fill("messages", MESSAGES, [chat])
    await way.connect(streams)
    tab = await way.tab(person, -1)
    async with aiohttp.ClientSession(headers={"Cookie": person.cookie}) as client:
        address = f"{way.server.url}api/chats/{chat}/messages"
        ways = {"socket": lambda: _by_socket(tab, chat), "http": lambda: _by_http(client, address)}
        await _sampled(ways, 10)
        idle: dict[str, list[float]] = {by: [] for by in ways}
        loaded: dict[str, list[float]] = {by: [] for by in ways}
        for turn in range(1, TURNS + 1):
            for by, times in (await _sampled(ways, samples // TURNS)).items():
                idle[by] += times
            for index in range(streams):
                await way.ask(index, wish(tokens=ENDLESS, rate=RATE))
            await asyncio.sleep(SETTLED)
            for by, times in (await _sampled(ways, samples // TURNS)).items():
                loaded[by] += times
            while way.meter.ended < turn * streams:
                upstream.finish()
                await asyncio.sleep(0.1)
            await asyncio.sleep(SETTLED)
    await tab.close()
    await way.restart()
    return [_opening(way.name, by, streams, idle[by], loaded[by]) for by in ways]


class Before:
    """One synchronous gunicorn worker. `async with` starts and ends it."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        port = free_port()
        self._port = port
        self._address = f"http://127.0.0.1:{port}/"

    async def __aenter__(self) -> Self:
        with machine.starting_on(machine.MEASURED):
            self._process, self._log = spawn(
                *("-m", "gunicorn", "--workers", "1", "--worker-class", "sync", "--timeout", "300"),
                *("--bind", f"127.0.0.1:{self._port}", "bench.apps.before:application"),
                env={"OPENAI_BASE_URL": self._base_url},
            )
        wait_for_port(self._process, self._port, self._log)
        # Its connections are closed after each answer: a synchronous worker has no time for kept ones.
        self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        self._process.terminate()  # it has a child that serves
        self._process.wait()
        self._log.close()

    async def measure(self, streams: int, samples: int) -> Opening:
        """Open another chat; loaded, each time while so many replies of three seconds are under way."""
        idle = [await self._open() for _ in range(10 * samples)]
        loaded = [await self._loaded(streams) for _ in range(samples)]
        return _opening("before", "http", streams, idle, loaded)

    async def ask(self, question: str) -> str:
        """An answer, when it is whole."""
        async with self._client.post(f"{self._address}ask/", data=question) as response:
            return await response.text()

    async def _loaded(self, streams: int) -> float:
        question = wish(tokens=BEFORE_TOKENS, rate=RATE)
        asking = [asyncio.create_task(self.ask(question)) for _ in range(streams)]
        await asyncio.sleep(0.3)
        took = await self._open()
        await asyncio.gather(*asking)
        return took

    async def _open(self) -> float:
        return await _by_http(self._client, f"{self._address}chat/")


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
