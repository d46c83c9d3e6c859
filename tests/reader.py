"""A socket without a socket: a real writer on a real hub, whose frames a test reads, confirms and reduces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from chat.consumers.writer import View, Writer
from chat.hub import Hub
from tests.state import Frame, State, reduce


class Reader:
    """What one client was sent. `confirms` False: it never says `received` by itself."""

    def __init__(self, hub: Hub, user: UUID, *, confirms: bool = True) -> None:
        self.frames: list[Frame] = []
        self.codes: list[int] = []
        """Close codes."""
        self.rechecks = 0
        self.confirms = confirms
        self.state = State()
        self.on_frame: Callable[[Frame], object] = lambda frame: None
        """Called with each frame, while it is being sent."""
        self.writer = Writer(hub, user, send=self._take, close=self.codes.append, recheck=self._recheck)
        hub.watch_list(self.writer, user)

    async def _take(self, text: str) -> None:
        frame = json.loads(text)
        self.on_frame(frame)
        self.frames.append(frame)
        self.state = reduce(self.state, frame)
        if self.confirms:
            self.confirm()

    def confirm(self) -> None:
        """Say that all frames so far were handled."""
        self.writer.flow.confirm(len(self.frames))

    def _recheck(self) -> None:
        self.rechecks += 1

    def open(self, chat: UUID, version: int = 0, runs: dict[UUID, int] | None = None) -> None:
        """Follow a chat, from nothing or from these cursors."""
        if str(chat) not in self.state.open:
            self.state = self.state.following(str(chat))
        self.writer.show(View(chat, version, dict(runs or {})))

    def of(self, kind: str, **fields: Any) -> list[Frame]:
        """The frames of this type with these fields; ids may be UUIDs."""
        wanted = {name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()}
        return [
            frame
            for frame in self.frames
            if frame["type"] == kind and all(frame[name] == value for name, value in wanted.items())
        ]

    def text(self, reply: UUID) -> str:
        """What a person sees of a reply, in whichever chat it is."""
        for chat in self.state.open.values():
            if str(reply) in chat.messages:
                return "".join(part["text"] for part in chat.messages[str(reply)]["parts"] if part["type"] == "text")
        return ""

    def status(self, reply: UUID) -> str:
        """The status of a reply, or nothing where it is not known."""
        for chat in self.state.open.values():
            if str(reply) in chat.messages:
                return str(chat.messages[str(reply)]["status"])
        return ""


@asynccontextmanager
async def reading(hub: Hub, user: UUID, *chats: UUID, confirms: bool = True) -> AsyncIterator[Reader]:
    """A reader whose writer runs, with these chats open from nothing."""
    reader = Reader(hub, user, confirms=confirms)
    for chat in chats:
        reader.open(chat)
    task = asyncio.create_task(reader.writer.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        reader.writer.leave()
