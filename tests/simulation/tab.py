"""A tab of the page: a client that follows chats, and also opens and closes them and asks for things."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.follower import Follower
from tests.simulation.witness import Witness, chat_of
from tests.simulation.world import Visitor
from tests.state import Frame, OpenChat
from tests.wire import RefusedCommand

AGAIN = {"draining", "unavailable", "too_many_requests"}
"""Errors after which a client asks again."""


class Tab(Follower):
    """A follower whose frames the witness sees, and who closes chats too."""

    def __init__(self, visitor: Visitor, chats: list[str], witness: Witness) -> None:
        super().__init__(visitor, chats)
        self._witness = witness
        self._closed: set[str] = set()

    async def follow(self) -> None:
        while True:
            try:
                await super().follow()
            except RefusedCommand as refused:
                if refused.code not in AGAIN:
                    raise
                await asyncio.sleep(1)

    async def ask(self, kind: str, **fields: Any) -> Frame:
        """The answer to a command. Raises what `Wire.ask` raises, also where there is no connection."""
        if not self._connected:
            raise ConnectionError
        return await self._wire.ask(kind, **fields)

    @property
    def _connected(self) -> bool:
        return hasattr(self, "_wire") and hasattr(self._wire, "_socket") and not self._wire.closed.done()

    def cut(self) -> None:
        """Lose the connection."""
        if self._connected:
            self._wire.cut()

    def cut_in(self, frames: int) -> None:
        """Lose it after so many frames; 0: not any more."""
        self._left = frames

    async def close(self, chat: str) -> None:
        """Follow a chat no more; after the ack nothing of it may come."""
        self.wanted.remove(chat)
        try:
            await self.ask("chat.close", chat=chat)
        except (OSError, ConnectionClosed, RefusedCommand):
            self.cut()
        else:
            self._closed.add(chat)
        known = {other: value for other, value in self.state.open.items() if other != chat}
        self.state = replace(self.state, open=known)

    async def open(self, chat: str) -> None:
        """Follow it again."""
        self._closed.discard(chat)
        self.wanted.append(chat)
        if self._connected:
            async with self._wire._changed:
                self._wire._changed.notify_all()

    def _handle(self, frame: Frame) -> None:
        ended = {run: known["status"] for chat in self.state.open.values() for run, known in chat.runs.items()}
        if chat_of(frame) in self._closed:
            self.faults.append(f"after the chat was closed came {frame}")
        super()._handle(frame)
        for chat in self.state.open.values():
            for run, known in chat.runs.items():
                if known["status"] == "running" and ended.get(run, "running") != "running":
                    self.faults.append(f"{run} runs again, by {frame}")
        self._witness.frame(frame, self.state)

    async def _open(self, chat: str, known: OpenChat | None) -> None:
        self._closed.discard(chat)
        await super()._open(chat, known)
