"""What lies between the processes: sockets without a network, notes that fare badly, a log that may be away."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from asgiref.typing import Scope
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from chat.consumers.socket import ChatSocket
from chat.protocol.codes import Unavailable
from chat.runs.log import Append, Appended, RunLog
from tests.simulation.loop import Loop, Process

R = TypeVar("R")

HALF_OPEN = 20.0
"""Seconds at most until a process hears that a client is gone."""


class Line:
    """A socket of one client at one process. The client's end is a `tests.people.Connection`."""

    def __init__(self, process: Process, cookies: dict[str, str], chance: random.Random) -> None:
        self.transport = self
        self._loop = process.loop
        self._chance = chance
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_client: asyncio.Queue[bytes | int] = asyncio.Queue()
        self._code: int | None = None
        """The close code that the client has heard."""
        self._lost = False
        self._to_server.put_nowait({"type": "websocket.connect"})
        scope = cast(Scope, {"type": "websocket", "cookies": cookies})
        process.spawn(ChatSocket()(scope, self._to_server.get, self._out))  # type: ignore[arg-type]  # daphne's events are dictionaries too

    async def _out(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            self._to_client.put_nowait(message["text"].encode())
        elif message["type"] == "websocket.close":
            self._to_client.put_nowait(message["code"])
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

    # --- The client's end ---------------------------------------------------------------------------------------------

    async def send(self, message: str | bytes, *, text: bool | None = None) -> None:
        """Give a command to the line."""
        if self._lost or self._code is not None:
            raise _closed(self._code or 1006)
        self._to_server.put_nowait({"type": "websocket.receive", "text": message})

    async def recv(self, decode: Literal[False]) -> bytes:
        """The next frame. What was on its way when the line was cut never comes."""
        if self._chance.random() < 0.1:
            await asyncio.sleep(self._loop.pause())
        said = 1006 if self._lost else await self._to_client.get()
        if isinstance(said, bytes) and not self._lost:
            return said
        self._code = said if isinstance(said, int) else 1006
        raise _closed(self._code)

    async def close(self) -> None:
        """Close in order."""
        self.abort()

    def abort(self) -> None:
        """Lose the connection. The process may not hear of it for a while."""
        if not self._lost and self._code is None:
            self._lost = True
            self._to_client.put_nowait(1006)
            later = self._chance.choice((0.0, self._chance.random() * HALF_OPEN))
            self._loop.call_later(later, self._to_server.put_nowait, {"type": "websocket.disconnect", "code": 1006})


def _closed(code: int) -> ConnectionClosedError:
    return ConnectionClosedError(Close(code, ""), None)


@dataclass(frozen=True)
class Weather:
    """What becomes of notes: the chances, of a hundred, to be lost and to come twice, and seconds of delay at most."""

    lost: int = 0
    doubled: int = 0
    late: float = 0.0


class Layer:
    """The channel layer of all processes: each copy of a note has a fate of its own."""

    def __init__(self, loop: Loop, chance: random.Random) -> None:
        self.weather = Weather()
        self._loop = loop
        self._chance = chance
        self._numbers = itertools.count(1)
        self._channels: dict[str, asyncio.Queue[dict[str, Any]]] = {}

    async def new_channel(self) -> str:
        return f"channel {next(self._numbers)}"

    async def group_add(self, group: str, channel: str) -> None:
        self._channels[channel] = asyncio.Queue()

    async def group_discard(self, group: str, channel: str) -> None:
        self._channels.pop(channel, None)

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._channels[channel].get()

    async def group_send(self, group: str, note: dict[str, Any]) -> None:
        for queue in self._channels.values():
            for _ in range(self._copies()):
                late = self._chance.random() * self.weather.late
                # Nobody's: a note that is on its way arrives whatever becomes of its sender.
                self._loop.as_nobody(self._loop.call_later, late, queue.put_nowait, note)

    def _copies(self) -> int:
        if self._chance.randrange(100) < self.weather.lost:
            return 0
        return 2 if self._chance.randrange(100) < self.weather.doubled else 1


class FarLog:
    """A process's way to the log that all share: it takes a while, may be away, and answers may get lost."""

    def __init__(self, log: RunLog, trouble: Trouble, loop: Loop) -> None:
        self._log = log
        self._trouble = trouble
        self._loop = loop

    async def append(self, appends: Sequence[Append]) -> list[Appended]:
        return await self._ask(lambda: self._log.append(appends))

    async def replace(self, run: UUID, token: UUID, events: Sequence[bytes]) -> Appended:
        return await self._ask(lambda: self._log.replace(run, token, events))

    async def seal(self, run: UUID, token: UUID) -> None:
        await self._ask(lambda: self._log.seal(run, token))

    async def read(self, run: UUID, after: int = 0) -> list[bytes]:
        return await self._ask(lambda: self._log.read(run, after))

    async def expire(self, runs: Iterable[UUID]) -> None:
        await self._ask(lambda: self._log.expire(runs))

    async def close(self) -> None:
        """The others still need it."""

    async def _ask(self, ask: Callable[[], Awaitable[R]]) -> R:
        await asyncio.sleep(self._loop.pause())
        if self._trouble.away_until > self._loop.time():
            raise Unavailable
        answer = await ask()
        await asyncio.sleep(self._loop.pause())
        if self._trouble.answers_to_lose:
            self._trouble.answers_to_lose -= 1
            raise Unavailable
        return answer


@dataclass
class Trouble:
    """What is wrong with the log."""

    away_until: float = 0.0
    answers_to_lose: int = 0
