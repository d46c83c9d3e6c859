"""The ways with the simplest protocol, the floor and the naive one: a text is a question, each frame has a token."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec

from bench.ways.base import Meter, Way, free_port, spawn, wait_for_port
from tests.services import new_redis


class _Frame(msgspec.Struct):
    text: str = ""
    end: bool = False


_decode = msgspec.json.Decoder(_Frame).decode


def session() -> aiohttp.ClientSession:
    """Client of many sockets: no cookies of its own, no limit."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())


class SocketWay(Way):
    """A socket a stream."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self.port = free_port()
        self._client: aiohttp.ClientSession | None = None
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, count: int) -> None:
        self.meter = Meter()
        self._client = session()
        for index in range(count):
            socket = await self._client.ws_connect(f"ws://127.0.0.1:{self.port}/ws/", max_msg_size=0)
            self._sockets.append(socket)
            self._tasks.append(asyncio.create_task(self._read(index, socket, self.meter)))

    async def ask(self, index: int, question: str) -> None:
        await self._sockets[index].send_str(question)

    async def disconnect(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in self._sockets:
            await socket.close()
        if self._client is not None:
            await self._client.close()
        self._sockets, self._tasks, self._client = [], [], None

    async def _read(self, index: int, socket: aiohttp.ClientWebSocketResponse, meter: Meter) -> None:
        async for message in socket:
            meter.frames += 1
            frame = _decode(message.data)
            if frame.text:
                meter.arrived(index, frame.text)
            elif frame.end:
                meter.ended += 1


class Floor(SocketWay):
    """Raw parse, daphne frame out."""

    name = "floor"
    title = "the floor"

    async def start(self) -> None:
        self.process, self.log = spawn("-m", "bench.apps.floor", str(self.port), env={"OPENAI_BASE_URL": self.base_url})
        wait_for_port(self.process, self.port, self.log)


class Naive(SocketWay):
    """`group_send` a token."""

    name = "naive"
    title = "naive consumer"

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self._redis = new_redis()

    async def start(self) -> None:
        self.process, self.log = spawn(
            *("-m", "daphne", "-v0", "-b", "127.0.0.1", "-p", str(self.port), "bench.apps.naive:application"),
            env={"OPENAI_BASE_URL": self.base_url, "REDIS_URL": self._redis},
        )
        wait_for_port(self.process, self.port, self.log)
