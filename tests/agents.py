"""Agents made of one function, for tests of what runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from chat.agents.base import Turn
from chat.protocol.events import AnyEvent, RunFinished, TextMessageContent, TextMessageEnd, TextMessageStart

Speech = Callable[[Turn], AsyncGenerator[AnyEvent]]


class Speaker:
    """An `Agent` that answers with what `speech` yields. `turns` are those it was asked for."""

    title = "Assistant"
    context_chars = 1000

    def __init__(self, speech: Speech, *, name: str = "assistant", writes_titles: bool = False) -> None:
        self.name = name
        self.writes_titles = writes_titles
        self.turns: list[Turn] = []
        self.closed = False
        self._speech = speech

    async def run(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
        """See `Agent.run`."""
        self.turns.append(turn)
        speech = self._speech(turn)
        try:
            async for event in speech:
                yield event
        finally:
            await speech.aclose()

    async def aclose(self) -> None:
        """See `Agent.aclose`."""
        self.closed = True


def text(turn: Turn, *words: str) -> list[AnyEvent]:
    """The events of one text, word by word."""
    part = turn.part_id(1)
    return [
        TextMessageStart(message_id=part),
        *(TextMessageContent(message_id=part, delta=word) for word in words),
        TextMessageEnd(message_id=part),
    ]


def finished(turn: Turn) -> RunFinished:
    """What tells that an answer is complete."""
    return RunFinished(thread_id=turn.thread_id, run_id=turn.run_id)


def saying(*words: str) -> Speech:
    """Says these words and is done; others may run between two words."""

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, *words):
            yield event
            await asyncio.sleep(0)
        yield finished(turn)

    return speech


class Waiting:
    """A speech that says `before`, waits for `go`, says `after` and is done.

    `reached` is set when it waits, `left` when its generator has ended, however it did.
    """

    def __init__(self, *before: str, after: str = "") -> None:
        self.reached = asyncio.Event()
        self.go = asyncio.Event()
        self.left = asyncio.Event()
        self._before = before
        self._after = after

    async def __call__(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
        part = turn.part_id(1)
        try:
            if self._before:
                yield TextMessageStart(message_id=part)
            for word in self._before:
                yield TextMessageContent(message_id=part, delta=word)
            self.reached.set()
            await self.go.wait()
            yield TextMessageContent(message_id=part, delta=self._after)
            yield TextMessageEnd(message_id=part)
            yield finished(turn)
        finally:
            self.left.set()
