"""From the runs' tasks to the log, in natural batches; and only from the log to anyone's eyes.

One task writes for all runs of the process. Whatever gathered while the last write was under way is the next write, so
an idle process writes a token at once and a loaded one writes many together. A run's `Tail.transcript` holds what the
log has: it is the only thing that sockets read, which is how "shown implies logged" holds by construction.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from uuid import UUID

from chat import selectors
from chat.database import in_reserve, reason
from chat.precedence import Precedence
from chat.protocol.codes import Unavailable
from chat.protocol.events import AnyEvent, cleaned
from chat.protocol.objects import Part
from chat.protocol.transcript import Entry, Transcript, entry
from chat.runs.log import Append, Appended, RunLog

logger = logging.getLogger(__name__)

GAP_FACTOR = 9
"""The pause after a write, as a multiple of what the write took: writing takes a tenth of the time at most."""
MAX_PERIOD = 0.006
"""Seconds from the beginning of a write to that of the next, where the write itself does not take longer. At 300
streams × 10/s a write gathers some 20 tokens: 10 ms would cost 5 % less and come 4 ms later. A pause that is as long
after a slow write too costs as much and comes later: p99 was 24 to 26 ms on a slow machine, embedded, instead of 15."""
MAX_MERGED = 64 * 1024
"""Bytes of text that deltas are merged into one event of: however long the log was away, an event fits a frame."""
MAX_BATCH = 4 * 1024 * 1024
"""Bytes of text after which a write takes in no further run, but leaves it to the next: however many runs have however
much to say, the log's answer comes well within the time for which it is waited."""
AWAY = 1.0
"""Seconds of failed tries after which the log counts as away, and no new run is begun."""
RETRY = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds between tries of a write that failed; the last repeats."""


class Tail:
    """The owner's end of one run's log: what is written, and what waits."""

    def __init__(self, run: UUID, chat: UUID, token: UUID, flusher: Flusher) -> None:
        self.run = run
        self.chat = chat
        self.token = token
        self.transcript = Transcript()
        """Events that the log has. Nothing else may be shown."""
        self.refused = False
        """The log does not take this run's events any more: another owns it, or it is broken."""
        self.waiting = 0
        """Bytes of text that are not in the log yet."""
        self._flusher = flusher
        self._pending: list[tuple[bytes, list[bytes]]] = []
        self._mergeable = 0
        self._in_flight: list[Entry] = []
        self._settled = asyncio.Event()
        self._settled.set()

    def push(self, event: AnyEvent) -> None:
        """Add an event after all others. It is encoded here, once; consecutive deltas of one part become one event.
        Does nothing once the tail is `refused`.
        """
        if self.refused:
            return
        for clean_event in cleaned(event):
            prefix, body = entry(clean_event)
            if prefix and self._pending and self._pending[-1][0] == prefix and len(body) <= self._mergeable:
                self._pending[-1][1].append(body)
                self._mergeable -= len(body)
            else:
                self._pending.append((prefix, [body]))
                self._mergeable = MAX_MERGED - len(body)
            self.waiting += len(body)
        if self._pending:
            self._settled.clear()
            self._flusher.wake(self)

    async def flushed(self) -> None:
        """Return when everything pushed so far is in the log, or never will be (`refused`)."""
        await self._settled.wait()

    def parts(self) -> list[Part]:
        """The reply so far, with what is not yet written: for the row that ends the run."""
        whole = Transcript()
        for data in self.transcript.since(0, sys.maxsize)[1]:
            whole.append_json(data)
        for item in [*self._in_flight, *self._merged()]:
            whole.append(item)
        return whole.parts()

    @property
    def ids(self) -> dict[str, UUID]:
        """What a log line about this run carries."""
        return {"run": self.run, "chat": self.chat}

    @property
    def next_seq(self) -> int:
        """The seq that the next pushed event will have, if it is not a delta."""
        return self.transcript.seq + len(self._in_flight) + len(self._pending) + 1

    def _merged(self) -> list[Entry]:
        return [Entry(prefix, b"".join(bodies)) for prefix, bodies in self._pending]

    def take(self) -> Append | None:
        """For the flusher: what waits becomes the write in flight; None where nothing waits, or one is in flight."""
        if not self._pending or self._in_flight:
            return None
        self._in_flight, self._pending = self._merged(), []
        return Append(self.run, self.token, self.transcript.seq, [item.json() for item in self._in_flight])

    def settle(self, result: Appended) -> None:
        """For the flusher: what became of the write in flight."""
        if result is Appended.WRITTEN:
            for item in self._in_flight:
                self.waiting -= len(item.body)
                self.transcript.append(item)
        else:
            logger.warning("run %s: the log does not take its events (%s)", self.run, result.value, extra=self.ids)
            self.refused = True
            self._pending = []
        self._in_flight = []
        if not self._pending:
            self._settled.set()


class Flusher:
    """Writes the tails of all runs of this process, and tells `written` of each that grew or was refused."""

    def __init__(self, log: RunLog, written: Callable[[Tail], None], precedence: Precedence) -> None:
        self._log = log
        self._written = written
        self._precedence = precedence
        self._dirty: dict[Tail, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reseeding: set[asyncio.Task[None]] = set()
        self._failing_since: float | None = None

    @property
    def answers(self) -> bool:
        """Whether the log takes what is written, as far as is known; false once it has failed for `AWAY`."""
        return self._failing_since is None or time.monotonic() - self._failing_since < AWAY

    def start(self) -> None:
        """Begin to write; needs a running loop."""
        self._task = asyncio.create_task(self._run(), name="flusher")

    async def stop(self) -> None:
        """End after the write in flight. Whoever needs his events written waits for `Tail.flushed` first."""
        tasks = [*self._reseeding, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def open(self, run: UUID, chat: UUID, token: UUID) -> Tail:
        """A tail for a new run."""
        return Tail(run, chat, token, self)

    async def expire(self, tail: Tail) -> None:
        """The run has ended: its log need not be kept for long."""
        try:
            await self._log.expire([tail.run])
        except Unavailable:
            logger.warning("run %s: its log is removed later", tail.run, extra=tail.ids)

    def wake(self, tail: Tail) -> None:
        """For `Tail.push`: this one has something."""
        self._dirty[tail] = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await self._precedence.give_way()
            self._wake.clear()
            batch = self._take()
            if not batch:
                continue
            began = time.perf_counter()
            results = await self._write([append for _, append in batch])
            for (tail, append), result in zip(batch, results, strict=True):
                if result is Appended.MISMATCH:
                    # Apart: it asks the database, for which the others need not wait.
                    task = asyncio.create_task(self._settle_again(tail, append), name="reseed")
                    self._reseeding.add(task)
                    task.add_done_callback(self._reseeding.discard)
                else:
                    self._settle(tail, result)
            took = time.perf_counter() - began
            await asyncio.sleep(max(min(GAP_FACTOR * took, MAX_PERIOD - took), 0))

    def _settle(self, tail: Tail, result: Appended) -> None:
        tail.settle(result)
        self._written(tail)

    async def _settle_again(self, tail: Tail, append: Append) -> None:
        self._settle(tail, await self._reseed(tail, append))
        # What came meanwhile could not be taken.
        self.wake(tail)

    def _take(self) -> list[tuple[Tail, Append]]:
        """What is written next: of those that have something, as many as fit, who waits longest first."""
        batch: list[tuple[Tail, Append]] = []
        size = 0
        while self._dirty and size < MAX_BATCH:
            tail = next(iter(self._dirty))
            del self._dirty[tail]
            size += tail.waiting
            if (append := tail.take()) is not None:
                batch.append((tail, append))
        if self._dirty:
            self._wake.set()
        return batch

    async def _reseed(self, tail: Tail, append: Append) -> Appended:
        """Write a run's log again from memory, under the same seqs: the store has lost some of it. Ours by the row, it
        may be written whatever the store remembers; not ours, it must not."""
        tries = 0
        while True:
            try:
                if not await in_reserve(selectors.owns_run, tail.run, tail.token):
                    return Appended.REFUSED
                events = [data for _, data in tail.transcript.entries(0)]
                logger.warning(
                    "run %s: its log was lost and is written again (%d events)", tail.run, len(events), extra=tail.ids
                )
                return await self._log.replace(tail.run, tail.token, [*events, *append.events])
            except Unavailable:
                await asyncio.sleep(RETRY[min(tries, len(RETRY) - 1)])
                tries += 1
            except Exception:
                logger.exception("run %s: its log cannot be written", tail.run, extra=tail.ids)
                return Appended.REFUSED

    async def _write(self, appends: list[Append]) -> list[Appended]:
        """Write this batch, the same bytes again and again until the log has answered."""
        tries = 0
        while True:
            try:
                results = await self._log.append(appends)
            except Exception as problem:
                # Whatever it is, giving up would stop every stream of this process for good.
                delay = RETRY[min(tries, len(RETRY) - 1)]
                tries += 1
                self._failing_since = self._failing_since or time.monotonic()
                unexpected = None if isinstance(problem, Unavailable) else problem
                what = "the run log does not answer (%s); try %d in %.2f s"
                logger.warning(what, reason(problem), tries + 1, delay, exc_info=unexpected)
                await asyncio.sleep(delay)
            else:
                self._failing_since = None
                return results
