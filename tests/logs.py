"""A log of runs in memory that does what a test wants: waits, fails, forgets to answer, or refuses."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from chat.protocol.codes import Unavailable
from chat.runs.log import Append, Appended


class MemoryLog:
    """`RunLog` that keeps events in a list a run.

    `faults` are met by the next appends, one each: `fail` before anything is written, `lose` the answer after it is.
    `answers` are given instead of writing, to the runs that have one. While `closed_gate` is called, appends wait.
    """

    def __init__(self) -> None:
        self.events: dict[UUID, list[bytes]] = {}
        self.owners: dict[UUID, UUID] = {}
        self.batches: list[list[Append]] = []
        """Every call of `append`, answered or not."""
        self.faults: deque[Callable[[], None]] = deque()
        self.answers: dict[UUID, Appended] = {}
        self.down = False
        """Every call is `Unavailable`."""
        self.writing = asyncio.Event()
        """An append has begun."""
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Let appends wait, before anything is written, until `release`."""
        self.writing.clear()
        self._gate.clear()

    def release(self) -> None:
        """Let them go on."""
        self._gate.set()

    def fail(self, problem: Exception | None = None) -> None:
        """The next append that has no fault yet fails before it writes."""

        def raise_it() -> None:
            raise problem or Unavailable

        self.faults.append(raise_it)

    async def append(self, appends: Sequence[Append]) -> list[Appended]:
        self.batches.append(list(appends))
        self.writing.set()
        await self._gate.wait()
        if self.down:
            raise Unavailable
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and fault is not _lose:
            fault()
        answers = [self._append(append) for append in appends]
        if fault is _lose:
            raise Unavailable
        return answers

    def lose(self) -> None:
        """The next append that has no fault yet writes, and its answer is lost."""
        self.faults.append(_lose)

    def _append(self, append: Append) -> Appended:
        if append.run in self.answers:
            return self.answers[append.run]
        if self.owners.setdefault(append.run, append.token) != append.token:
            return Appended.REFUSED
        events = self.events.setdefault(append.run, [])
        there = events[append.after :]
        if len(events) < append.after or (there and there != list(append.events)):
            return Appended.MISMATCH
        events[append.after :] = append.events
        return Appended.WRITTEN

    async def replace(self, run: UUID, token: UUID, events: Sequence[bytes]) -> Appended:
        if self.down:
            raise Unavailable
        if self.owners.setdefault(run, token) != token:
            return Appended.REFUSED
        self.answers.pop(run, None)
        self.events[run] = list(events)
        return Appended.WRITTEN

    async def seal(self, run: UUID, token: UUID) -> None:
        if self.down:
            raise Unavailable
        self.owners[run] = token

    async def read(self, run: UUID, after: int = 0) -> list[bytes]:
        if self.down:
            raise Unavailable
        return self.events.get(run, [])[after:]

    async def expire(self, runs: Iterable[UUID]) -> None:
        if self.down:
            raise Unavailable

    async def close(self) -> None:
        """There is nothing to free."""


def _lose() -> None:
    """A fault that is met after the write."""
