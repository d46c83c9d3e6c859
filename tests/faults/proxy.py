"""A TCP proxy on loopback that does to connections what networks do: delay, throttle, half-close, reset, swallow.

It runs on a thread and a loop of its own, so that it goes on while a test waits for something. What it does is set by
attributes at any time and holds for all connections from then on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

CHUNK = 64 * 1024
"""Bytes that are read at once."""
HELD = 256 * 1024
"""Bytes of one connection and direction that wait in here; past it the sender has to wait, as behind a slow line."""
SLICE = 0.1
"""Seconds of a slow line that are sent at once."""

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
"""Of Linux's socket.h, which Python does not name."""
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
NOTHING = struct.pack("HL", 1, ctypes.addressof(_DROP))
"""A filter that lets nothing through: one instruction, "return 0 bytes of the packet"."""

Direction = Literal["up", "down"]
"""Towards the server, or back to the client."""
Change = Callable[[Direction, bytes], list[tuple[float, bytes]]]
"""From what was read to what is sent instead, each piece with the seconds that it waits while others go on."""


class Proxy:
    """Leads connections at `port` to `target`: a port of loopback, or the path of a Unix socket.

    `delay`: seconds before anything read is passed on. `rate`: bytes a second, 0 for as fast as it goes. `swallow`:
    what is read goes nowhere, and both ends see a silent peer; end that with `reset`, for a hole in a stream is no
    network's fault. `change` makes, for each connection, the function that says what becomes of what is read.
    `passed` and `swallowed` count bytes.
    """

    def __init__(self, target: int | Path) -> None:
        self.target = target
        self.delay = 0.0
        self.rate = 0.0
        self.swallow: set[Direction] = set()
        self.refuse = False
        """New connections are reset at once."""
        self.change: Callable[[], Change] | None = None
        self.passed = 0
        self.swallowed = 0
        self.connections = 0
        """All that there have been."""
        self.resets = 0
        self.port = 0
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def open(self) -> int:
        """Connections that are there now."""
        return len(self._links)

    def reset(self) -> int:
        """Reset every connection, at both ends; returns how many."""
        return self._call(lambda link: link.reset())

    def half_close(self) -> int:
        """Say to every client that the server has nothing more to say, while clients may go on; returns how many."""
        return self._call(lambda link: link.half_close())

    @contextlib.contextmanager
    def black_hole(self) -> Iterator[None]:
        """Until the block ends no packet of a client arrives, and none is acknowledged, which is more than `swallow`
        does: its TCP finds out by its own time-outs, and new connections are not answered. What was on its way then
        arrives late, as after a cable was out. Linux does it: it drops what comes to a socket with such a filter."""
        asyncio.run_coroutine_threadsafe(self._dig(), self._loop).result()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._fill(), self._loop).result()

    async def _dig(self) -> None:
        self.through.clear()
        for each in self._client_sockets():
            each.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, NOTHING)

    async def _fill(self) -> None:
        for each in self._client_sockets():
            each.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        self.through.set()

    def _client_sockets(self) -> list[socket.socket]:
        writers = [link.client_socket for link in self._links]
        return [each for each in (*self._server.sockets, *writers) if each.fileno() >= 0]

    def _call(self, fault: Callable[[_Link], None]) -> int:
        async def call() -> int:
            links = list(self._links)
            for link in links:
                fault(link)
            return len(links)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        self.through = asyncio.Event()
        self.through.set()
        self._server = server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        for each in server.sockets:
            self._loop.remove_reader(each.fileno())
        # Whoever was accepted this very moment gets a transport first: a closed server refuses it and leaves it open.
        await asyncio.sleep(0)
        server.close()
        for link in list(self._links):
            link.reset()
        # Also those whose other half is just being made. A task that is cancelled before its first step closes nothing,
        # so each has a turn of the loop before.
        while accepting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0)
            for task in accepting:
                task.cancel()
            await asyncio.gather(*accepting, return_exceptions=True)
        # What was closed goes with the next turn of the loop.
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuse:
            _reset(writer)
            return
        try:
            up_reader, up_writer = await self._connect()
        except (OSError, asyncio.CancelledError):
            _reset(writer)
            return
        link = _Link(self, (reader, writer), (up_reader, up_writer))
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, int):
            return await asyncio.open_connection("127.0.0.1", self.target)
        return await asyncio.open_unix_connection(self.target)


class _Link:
    """One connection, and its other half."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._change = proxy.change() if proxy.change is not None else None
        self._half_closed = False
        self._task: asyncio.Future[Any] | None = None

    async def run(self) -> None:
        self._task = asyncio.gather(
            self._pump("up", self._client[0], self._server[1]), self._pump("down", self._server[0], self._client[1])
        )
        try:
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._task
        finally:
            for _, writer in (self._client, self._server):
                writer.close()

    def reset(self) -> None:
        self._proxy.resets += 1
        for _, writer in (self._client, self._server):
            _reset(writer)
        if self._task is not None:
            self._task.cancel()

    @property
    def client_socket(self) -> socket.socket:
        """The connection with the client."""
        found: socket.socket = self._client[1].get_extra_info("socket")
        return found

    def half_close(self) -> None:
        self._half_closed = True
        self._client[1].write_eof()

    def takes(self, way: Direction) -> bool:
        """Whether anything may still be sent that way."""
        return way == "up" or not self._half_closed

    async def _pump(self, way: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes one way, each piece at its time, so that a delay is no bottleneck."""
        line = _Line(self._proxy, self, writer, way)
        sending = asyncio.create_task(line.send())
        loop = asyncio.get_running_loop()
        try:
            while data := await reader.read(CHUNK):
                if way in self._proxy.swallow:
                    self._proxy.swallowed += len(data)
                    continue
                for wait, piece in self._change(way, data) if self._change is not None else [(0.0, data)]:
                    if wait:
                        loop.call_later(wait, line.put, loop.time(), piece)
                    else:
                        line.put(loop.time() + self._proxy.delay, piece)
                await line.room()
            line.put(0.0, b"")
            await sending
        finally:
            sending.cancel()


class _Line:
    """What waits for its time on one way of a connection."""

    def __init__(self, proxy: Proxy, link: _Link, writer: asyncio.StreamWriter, way: Direction) -> None:
        self._proxy = proxy
        self._link = link
        self._way = way
        self._writer = writer
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._held = 0
        self._room = asyncio.Event()

    def put(self, due: float, piece: bytes) -> None:
        """Send a piece when it is `due`; an empty one ends the line."""
        self._held += len(piece)
        self._pieces.put_nowait((due, piece))

    async def room(self) -> None:
        """Return when there is room for more."""
        while self._held > HELD:
            self._room.clear()
            await self._room.wait()

    async def send(self) -> None:
        """Send until the end."""
        while True:
            due, piece = await self._pieces.get()
            if not piece:
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                return
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            if self._way == "down":
                await self._proxy.through.wait()
            sent = 0
            while sent < len(piece) and self._link.takes(self._way):
                rate = self._proxy.rate
                part = piece[sent : sent + ceil(rate * SLICE)] if rate else piece[sent:]
                self._writer.write(part)
                await self._writer.drain()
                sent += len(part)
                self._proxy.passed += len(part)
                if rate:
                    await asyncio.sleep(len(part) / rate)
            self._held -= len(piece)
            self._room.set()


def _reset(writer: asyncio.StreamWriter) -> None:
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None:
        # With no time to linger, closing sends RST instead of FIN.
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
