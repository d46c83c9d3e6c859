"""Who waits for an answer goes before the streams.

One event loop serves both. To open a chat costs a few milliseconds, in which hundreds of streams want their turn too:
where they have half of the core it takes twice as long, and so does everything else that a person does. So streams wait
while somebody waits for an answer. What comes meanwhile lies in their sockets' buffers, and is read together then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

HOLD = 0.02
"""Seconds that streams wait at most; then they wait no longer for those who were asking. A chat opens in less, on a
slow machine too, and nobody sees that text came that much later."""
LINGER = 0.002
"""Seconds that they wait after an answer: it has to be sent, or was the first half of one."""


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
        """For a stream: return when it is its turn."""
        if self._over is not None:
            await self._over.wait()

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
