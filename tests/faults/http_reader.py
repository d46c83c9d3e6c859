"""Someone without a socket, who reads the same chats by HTTP again and again, at one worker after another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http.client import HTTPException
from typing import Any

from tests import TIMEOUT
from tests.http import fetch
from tests.people import Person
from tests.server import ServerProcess
from tests.state import Message, text_of

PATIENCE = 2.0
"""Seconds after which it gives an answer up, and asks the next worker."""
PAUSE = 0.05
"""Seconds between two questions."""
AWAY = {404, 503}
"""How a chat that is deleted just now, or a worker that cannot say just now, may answer; all else is a fault."""


class HttpReader:
    """Reads `chats` at each of `servers` in turn, until it is cancelled. `written` says of a chat whether all who
    watch it are shown a reply that has said something and has not ended.

    `faults` has what it must never be told. At one worker the text of a reply only grows. Between workers it may be
    behind by what is on its way, but of any two texts one is the beginning of the other; and once any worker has said
    that a reply has ended, all of them say the same of it for ever.
    """

    def __init__(
        self, person: Person, servers: Sequence[ServerProcess], chats: Sequence[str], written: Callable[[str], bool]
    ) -> None:
        self.faults: list[str] = []
        self.chances = 0
        """How often it was answered about a chat in which a reply was being written, before it asked and afterwards."""
        self.midway = 0
        """How often it read a reply that was being written and had said something."""
        self._written = written
        self._person = person
        self._servers = servers
        self._chats = chats
        self._reading = asyncio.Lock()
        self._at: dict[tuple[int, str], str] = {}
        """The text of a reply that each worker has told last, by the number of the worker."""
        self._longest: dict[str, str] = {}
        self._ended: dict[str, tuple[str, str]] = {}
        """Status and text."""

    async def follow(self) -> None:
        """Read until cancelled."""
        for chat, number in itertools.cycle(itertools.product(self._chats, range(len(self._servers)))):
            # One that is dead, asleep, or behind a line that is cut cannot say: so the next one is asked.
            with contextlib.suppress(OSError, HTTPException):
                before = self._written(chat)
                answered = await self._read(number, chat) is not None
                self.chances += before and answered and self._written(chat)
            await asyncio.sleep(PAUSE)

    async def agrees(self, expected: Mapping[str, Sequence[Message]]) -> None:
        """Read everything a last time: each worker that is there has exactly these messages in each chat, and whatever
        was read of a reply is the beginning of it. Raises `AssertionError`."""
        answered = 0
        for (chat, messages), number in itertools.product(expected.items(), range(len(self._servers))):
            async with asyncio.timeout(TIMEOUT):
                page = await self._last(number, chat)
            if page is not None:
                answered += 1
                assert page == messages, f"by HTTP at worker {number}: {page}, not {messages}"
        assert answered > 0
        assert not self.faults, self.faults

    async def _last(self, number: int, chat: str) -> list[Message] | None:
        """The messages of a chat; None at a worker that is dead."""
        while True:
            try:
                page = await self._read(number, chat)
            except ConnectionRefusedError:
                return None
            except (OSError, HTTPException):
                page = None
            if page is not None:
                return page
            await asyncio.sleep(PAUSE)

    async def _read(self, number: int, chat: str) -> list[Message] | None:
        """Read and look at what came; None where the worker could not say."""
        # One question at a time, or an answer could be older than the one that was looked at before it.
        async with self._reading:
            page = await self._get(number, f"chats/{chat}/messages")
            for message in page["messages"] if page else []:
                if message["role"] == "assistant":
                    whole = message
                    if message.get("clipped"):
                        whole = await self._get(number, f"chats/{chat}/messages/{message['id']}")
                    if whole:
                        self._look_at(number, whole)
            return page["messages"] if page else None

    async def _get(self, number: int, path: str) -> Any:
        person = replace(self._person, server=self._servers[number])
        url = f"{person.server.url}api/{path}"
        asking = asyncio.create_task(asyncio.to_thread(fetch, url, headers=person.headers, timeout=PATIENCE))
        try:
            answer = await asyncio.shield(asking)
        except asyncio.CancelledError:
            # Whoever is asked may end with the test, so the answer comes before.
            await asyncio.gather(asking, return_exceptions=True)
            raise
        if answer.status == 200:
            return json.loads(answer.body)
        if answer.status not in AWAY:
            self.faults.append(f"worker {number} answered {answer.status} {answer.text[:200]}")
        return None

    def _look_at(self, number: int, message: Message) -> None:
        reply, text, ended = message["id"], text_of(message), message["status"] != "streaming"
        before, longest = self._at.get((number, reply), ""), self._longest.get(reply, "")
        self._at[number, reply] = text
        if not ended and text:
            self.midway += 1
        if len(text) > len(longest):
            self._longest[reply] = text
        if not text.startswith(before):
            self.faults.append(f"at worker {number}, {before[-80:]!r} became {text[-80:]!r} ({message['status']})")
        if not (text.startswith(longest) or longest.startswith(text)):
            self.faults.append(f"after {longest[-80:]!r} came {text[-80:]!r} of worker {number}")
        end = (message["status"], text)
        if ended and not text.startswith(longest):
            self.faults.append(f"{longest[-80:]!r} was read, and it ended with {text[-80:]!r}")
        status, said = self._ended.get(reply, end)
        # One that was cut off may go on where it ended, when somebody asks for that.
        goes_on = status in ("stopped", "interrupted", "failed") and text.startswith(said)
        if (status, said) != end and not goes_on:
            self.faults.append(f"it had ended as {self._ended[reply]}, and worker {number} says {end}")
        if ended:
            self._ended[reply] = end
