"""Polylogue itself: a real `manage.py serve`, real people with sessions, real sockets; persistence and resume on."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

from bench.ways.base import Meter, Way
from bench.ways.sockets import session
from tests.people import Person, new_person
from tests.process import ROOT
from tests.server import ServerProcess
from tests.services import databases, new_redis

CONFIRM = 32 * 1024
"""Bytes after which a client says `received`."""
ANSWER_WITHIN = 60.0
"""Seconds."""
PRINTED = 10
"""Warnings of a worker that are printed when it ends: its log goes with it, and no figure says why it is as it is."""


class _Event(msgspec.Struct):
    type: str
    delta: str = ""
    message: str = ""


class _Part(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    status: str
    run: str | None = None
    parts: list[_Part] = []


class _Change(msgspec.Struct):
    messages: list[_Message] = []


class _Frame(msgspec.Struct):
    type: str
    id: str | None = None
    chat: msgspec.Raw = msgspec.Raw(b"null")
    run: str = ""
    events: list[_Event] = []
    change: _Change = msgspec.field(default_factory=_Change)
    code: str = ""
    message: Any = None


class _Id(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(_Frame).decode
_WARNING = re.compile(r'"level": "(WARNING|ERROR|CRITICAL)"')
_client_ids = (str(number) for number in itertools.count(1))
"""Of all tabs: one that comes again is the same message, which nobody answers a second time."""


class Refused(Exception):
    """A command was answered with an error."""


class Tab:
    """One socket of one person, as cheap as a client can be that keeps to the protocol."""

    def __init__(self, person: Person, on_event: Callable[[str, str], None]) -> None:
        """`on_event` is called with the type and the delta of each event of a run."""
        self.person = person
        self.frames = 0
        self.snapshots = 0
        self._on_event = on_event
        self._runs: set[str] = set()
        """Those of which this socket had events."""
        self._answers: dict[str, asyncio.Future[_Frame]] = {}
        self._ids = itertools.count(1)
        self._waiting: asyncio.Future[None] | None = None

    async def open(self, client: aiohttp.ClientSession) -> None:
        """Connect, and return after `hello`."""
        server = self.person.server
        headers = {"Cookie": self.person.cookie, "Origin": server.origin}
        self._socket = await client.ws_connect(server.ws_url, headers=headers, max_msg_size=0)
        assert _decode((await self._socket.receive()).data).type == "hello"
        self.frames = 1
        self._task = asyncio.create_task(self._read())

    async def ask(self, kind: str, **fields: Any) -> _Frame:
        """Send a command; returns its ack. Raises `Refused`."""
        command = f"c{next(self._ids)}"
        answer: asyncio.Future[_Frame] = asyncio.get_running_loop().create_future()
        self._answers[command] = answer
        await self._socket.send_str(json.dumps({"type": kind, "id": command, **fields}))
        async with asyncio.timeout(ANSWER_WITHIN):
            frame = await answer
        if frame.type == "error":
            raise Refused(f"{kind}: {frame.code}: {frame.message}")
        return frame

    async def new_chat(self) -> str:
        """Make a chat, and return its id."""
        ack = await self.ask("chat.create", client_id=next(_client_ids))
        return msgspec.json.decode(ack.chat, type=_Id).id

    async def show(self, chat: str) -> None:
        """Open a chat, and return once it is there."""
        before = self.snapshots
        await self.ask("chat.open", chat=chat)
        while self.snapshots == before:
            self._waiting = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._waiting

    async def say(self, chat: str, text: str) -> None:
        """Post a message; returns after the ack."""
        await self.ask("message.send", chat=chat, client_id=next(_client_ids), text=text)

    async def close(self) -> None:
        """Close the socket."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        unconfirmed = 0
        async for message in self._socket:
            self.frames += 1
            frame = _decode(message.data)
            if frame.type == "run.events":
                self._runs.add(frame.run)
                for event in frame.events:
                    self._on_event(event.type, event.delta)
            elif frame.type == "chat.changed":
                for changed in frame.change.messages:
                    self._told_whole(changed)
            elif frame.type in ("ack", "error"):
                answer = self._answers.pop(frame.id or "", None)
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            elif frame.type == "chat.snapshot":
                self.snapshots += 1
                if self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(None)
            unconfirmed += len(message.data)
            if unconfirmed >= CONFIRM:
                unconfirmed = 0
                await self._socket.send_json({"type": "received", "count": self.frames})

    def _told_whole(self, message: _Message) -> None:
        """A reply that is over before the worker had a look at its chat comes as it is, without events."""
        if message.run is None or message.run in self._runs or message.status == "streaming":
            return
        self._runs.add(message.run)
        for part in message.parts:
            self._on_event("TEXT_MESSAGE_CONTENT", part.text)
        self._on_event("RUN_FINISHED" if message.status == "complete" else "RUN_ERROR", "")


class Polylogue(Way):
    """One worker. A stream is one chat of one person, followed on a socket of its own (`tabs` of them)."""

    def __init__(self, base_url: str, *, embedded: bool, env: Mapping[str, str] | None = None) -> None:
        """`embedded`: on SQLite, alone; otherwise with Redis and Postgres, its own unless `env` names others."""
        super().__init__(base_url)
        self.name = "embedded" if embedded else "cluster"
        self.title = "Polylogue, SQLite" if embedded else "Polylogue, Redis and Postgres"
        self.tabs = 1
        self.places: list[tuple[Person, str]] = []
        """The chats to stream in, by stream; where there are none, each stream has a new chat."""
        self._embedded = embedded
        self._env = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "none", **(env or {})}
        if not embedded:
            # Started here, so that they stay where the load is.
            databases()
            new_redis()
        self.server: ServerProcess
        self._people: list[Person] = []
        self._client: aiohttp.ClientSession | None = None
        self._streams: list[list[tuple[Tab, str]]] = []

    async def start(self) -> None:
        # On a new database each time: what an overloaded one left under way is no part of the next measurement.
        stores = {}
        if not self._embedded and "DATABASE_URL" not in self._env:
            stores = {"DATABASE_URL": databases().new(), "REDIS_URL": new_redis()}
        self.server = ServerProcess(embedded=self._embedded, env=self._env | stores)
        self._people = []
        self.server.__enter__()
        self.process = self.server.process

    async def stop(self) -> None:
        if self.process is not None:
            warnings = [line for line in self.server.log.splitlines() if _WARNING.search(line)]
            self.server.__exit__(None, None, None)
            for line in warnings[:PRINTED]:
                print(f"  {self.title} said: {line}")
            if warnings[PRINTED:]:
                print(f"  ... and {len(warnings) - PRINTED} warnings more")

    def people(self, count: int) -> list[Person]:
        """The first so many people of this server."""
        while len(self._people) < count:
            self._people.append(new_person(self.server))
        return self._people[:count]

    async def connect(self, count: int) -> None:
        self.meter = Meter()
        self._client = session()
        people = self.people(count) if not self.places else [person for person, _ in self.places[:count]]
        for index, person in enumerate(people):
            tabs = [await self.tab(person, index * self.tabs + number) for number in range(self.tabs)]
            chat = await tabs[0].new_chat() if not self.places else self.places[index][1]
            for tab in tabs:
                await tab.show(chat)
            self._streams.append([(tab, chat) for tab in tabs])

    async def fill(self, kind: str, count: int, of: Sequence[str]) -> None:
        """Give these chats so many `messages`, or these people so many `chats`: see `bench.fill`."""
        command = [sys.executable, "-m", "bench.fill", kind, str(count), *of]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=self.server.env, check=True)

    async def tab(self, person: Person, index: int) -> Tab:
        """Another socket of a person, whose events count as stream `index`."""
        meter = self.meter

        def on_event(kind: str, delta: str) -> None:
            if delta:
                meter.arrived(index, delta)
            elif kind == "RUN_FINISHED":
                meter.ended += 1
            elif kind == "RUN_ERROR":
                meter.failed += 1

        assert self._client is not None
        tab = Tab(person, on_event)
        await tab.open(self._client)
        return tab

    async def ask(self, index: int, question: str) -> None:
        tab, chat = self._streams[index][0]
        await tab.say(chat, question)

    async def disconnect(self) -> None:
        await asyncio.gather(*(tab.close() for tabs in self._streams for tab, _ in tabs))
        self._streams = []
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def report(self) -> Meter:
        self.meter.frames = sum(tab.frames for tabs in self._streams for tab, _ in tabs)
        return self.meter
