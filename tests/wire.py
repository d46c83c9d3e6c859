"""A client of the socket that does as it is told, also what no good client does: it can keep quiet about what it has
received, stop reading, send nonsense, and be cut off.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.exceptions import ConnectionClosed

from tests import TIMEOUT
from tests.people import Connection, Person
from tests.state import Frame

T = TypeVar("T")

CONFIRM = 32 * 1024
"""Bytes after which a well-behaved client says `received`."""


class RefusedCommand(Exception):
    """A command was answered with `error`."""

    def __init__(self, frame: Frame) -> None:
        self.code: str = frame["code"]
        self.frame = frame
        super().__init__(f"{frame['code']}: {frame['message']}")


class Disconnected(ConnectionError):
    """The socket closed while something was still to come."""


class Wire:
    """One socket.

        async with Wire(person) as wire:
            await wire.ask("chat.open", chat=chat)
            snapshot = await wire.frame("chat.snapshot")

    `confirms` False: never says `received`. `on_frame` is called with each frame, after it is in `frames`.
    """

    def __init__(
        self, person: Person, *, confirms: bool = True, on_frame: Callable[[Frame], None] = lambda _: None
    ) -> None:
        self.person = person
        self.frames: list[Frame] = []
        self.size = 0
        """Bytes of all frames."""
        self.largest = 0
        """Bytes of the largest one."""
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The close code; 1006 for a connection that ended without one."""
        self._answers: dict[str | None, Frame] = {}
        self.confirms = confirms
        self._on_frame = on_frame
        self._ids = itertools.count(1)
        self._unconfirmed = 0
        self._changed = asyncio.Condition()
        self._reading = asyncio.Event()
        self._reading.set()
        self._socket: Connection

    async def __aenter__(self) -> Self:
        await self.connect()
        await self.frame("hello")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cut()
        await self._task

    async def connect(self) -> None:
        """Open the socket; `hello` comes later, if it does."""
        self._socket = await self.person.connect()
        self._task = asyncio.create_task(self._read())

    async def send(self, data: str | bytes, *, text: bool | None = None) -> None:
        """Send one frame as it is."""
        await self._socket.send(data, text=text)

    async def post(self, kind: str, **fields: Any) -> str:
        """Send a command and do not wait; returns its id."""
        command_id = f"c{next(self._ids)}"
        await self.send(json.dumps({"type": kind, "id": command_id, **fields}))
        return command_id

    async def ask(self, kind: str, **fields: Any) -> Frame:
        """Send a command and return its ack. Raises `RefusedCommand`."""
        answer = await self.answer(await self.post(kind, **fields))
        if answer["type"] == "error":
            raise RefusedCommand(answer)
        return answer

    async def refusal(self, kind: str, **fields: Any) -> Frame:
        """Send a command and return the error that answers it."""
        answer = await self.answer(await self.post(kind, **fields))
        assert answer["type"] == "error", answer
        return answer

    async def answer(self, command_id: str | None, within: float = TIMEOUT) -> Frame:
        """The `ack` or `error` with this id; None: the first error without one."""
        return await self.until(lambda: self._answers.get(command_id), within=within)

    async def frame(self, kind: str, **fields: Any) -> Frame:
        """The first frame of this type with these fields, already there or yet to come."""

        def found() -> Frame | None:
            matching = (frame for frame in self.frames if frame["type"] == kind)
            return next((frame for frame in matching if all(frame[name] == fields[name] for name in fields)), None)

        return await self.until(found)

    async def until(self, condition: Callable[[], T | None], *, within: float | None = TIMEOUT) -> T:
        """Wait until `condition` returns something true, looking after each frame, and return that. Raises
        `Disconnected` when the socket closes first.
        """
        try:
            async with asyncio.timeout(within), self._changed:
                while not (found := condition()):
                    if self.closed.done():
                        raise Disconnected(f"closed with {self.closed.result()} after {self.frames[-3:]}")
                    await self._changed.wait()
                return found
        except TimeoutError:
            raise TimeoutError(
                f"nothing such came in {within} s, the last of {len(self.frames)} frames being {self.frames[-3:]}"
            ) from None

    async def close_code(self, within: float = TIMEOUT) -> int:
        """The code with which the server closes the socket."""
        async with asyncio.timeout(within):
            return await asyncio.shield(self.closed)

    def pause(self) -> None:
        """Read nothing more, so that the connection fills up."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    def cut(self) -> None:
        """End the connection without a close frame, as a lost network does."""
        self._reading.set()
        self._socket.transport.abort()

    async def close(self) -> None:
        """Close the socket in order."""
        await self._socket.close()

    async def _read(self) -> None:
        code = 1006
        try:
            while True:
                await self._reading.wait()
                data = await self._socket.recv(decode=False)
                await self._take(data)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd is not None else 1006
        finally:
            self.closed.set_result(code)
            async with self._changed:
                self._changed.notify_all()

    async def _take(self, data: bytes) -> None:
        frame = json.loads(data)
        self.size += len(data)
        self.largest = max(self.largest, len(data))
        self.frames.append(frame)
        if frame["type"] in ("ack", "error"):
            self._answers.setdefault(frame.get("id"), frame)
        self._on_frame(frame)
        async with self._changed:
            self._changed.notify_all()
        self._unconfirmed += len(data)
        if self.confirms and self._unconfirmed >= CONFIRM:
            self._unconfirmed = 0
            await self.confirm()

    async def confirm(self, count: int | None = None) -> None:
        """Say `received`, of all frames so far or of `count`."""
        await self.send(json.dumps({"type": "received", "count": len(self.frames) if count is None else count}))
