"""Who waits for an answer goes before the streams.

One event loop serves both. To open a chat costs a few milliseconds, in which hundreds of streams want their turn too:
where they have half of the core it takes twice as long, and so does everything else that a person does. So streams wait
while somebody waits for an answer. What comes meanwhile lies in their sockets' buffers, and is read together then.

And they wait for each other. A thousand streams that are as fast as their sockets have a hundred kilobytes to read
each, which takes seconds; what was read is written and shown only in further turns of the event loop. So one turn reads
some of them, and the next one others.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

HOLD = 0.02
"""Seconds that streams wait at most; then they wait no longer for those who were asking. A chat opens in less, on a
slow machine too, and nobody sees that text came that much later."""
LINGER = 0.002
"""Seconds that they wait after an answer: it has to be sent, or was the first half of one."""
TURN = 0.02
"""Seconds of one turn of the event loop after which streams that have something to read wait for another."""


class Precedence:
    """One a process. Everything of it runs on the event loop.

    However much is asked, streams wait for half of the time at most: before they wait again for `HOLD`, as much time
    has to pass in which they do not.
    """

    def __init__(self) -> None:
        self._asking: set[object] = set()
        """Those for whom streams wait."""
        self._left = HOLD
        """Seconds that streams may wait, counted at `_since`, when they last began to wait or to go on."""
        self._since = 0.0
        self._over: asyncio.Event | None = None
        """Where streams wait; None while they do not."""
        self._turn: float | None = None
        """When this turn of the event loop began to read streams; None where it has not, and none waits."""
        self._others: deque[asyncio.Future[None]] = deque()
        """Streams that wait for another turn, who waits longest first."""
        self._at_once = 1
        """How many of them the next turn takes: twice as many as the last one, or half where that was too many."""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Somebody waits for what is done in this block."""
        asker = object()
        if self._over is None:
            self._hold()
        self._asking.add(asker)
        try:
            yield
        finally:
            self._asking.discard(asker)
            if not self._asking and self._over is not None:
                asyncio.get_running_loop().call_later(LINGER, self._look, self._over)

    async def give_way(self) -> None:
        """For whoever serves streams: return when nobody is asking."""
        if self._over is not None:
            await self._over.wait()

    async def my_turn(self) -> None:
        """For a stream that has something to read: return when nobody is asking and others have not read for `TURN`."""
        await self.give_way()
        now = time.perf_counter()
        if self._turn is None:
            self._begin_turn(now)
        elif self._others or now - self._turn > TURN:
            turn = asyncio.get_running_loop().create_future()
            self._others.append(turn)
            await turn

    def _begin_turn(self, now: float) -> None:
        self._turn = now
        asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        now, began, self._turn = time.perf_counter(), self._turn, None
        if not self._others:
            return
        assert began is not None  # noqa: S101  # it was this turn that has come
        self._at_once = max(self._at_once // 2, 1) if now - began > TURN else 2 * self._at_once
        for _ in range(min(self._at_once, len(self._others))):
            turn = self._others.popleft()
            if not turn.done():
                turn.set_result(None)
        self._begin_turn(now)

    def _hold(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._left = min(self._left + now - self._since, HOLD)
        self._since = now
        if self._left > LINGER:
            self._over = asyncio.Event()
            # Whoever was asking before has had its time.
            self._asking.clear()
            loop.call_later(self._left, self._go_on, self._over)

    def _look(self, over: asyncio.Event) -> None:
        if not self._asking:
            self._go_on(over)

    def _go_on(self, over: asyncio.Event) -> None:
        if over is not self._over:
            # They go on already, or wait for others by now.
            return
        now = asyncio.get_running_loop().time()
        self._left -= now - self._since
        self._since = now
        self._over = None
        over.set()
