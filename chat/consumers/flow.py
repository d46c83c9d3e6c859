"""Flow control: daphne takes whatever it is given, so a socket counts what its reader has not confirmed."""

from __future__ import annotations

import asyncio
from collections import deque

from chat.protocol.codes import InvalidCommand

MAX_UNACKNOWLEDGED = 256 * 1024
"""Bytes sent and not confirmed by `received`, past which nothing more is sent (and what comes then is merged)."""
PATIENCE = 30.0
"""Seconds without any confirmation after which a full socket is closed as too slow."""


class TooSlow(Exception):
    """The reader has confirmed nothing for `PATIENCE` seconds while `MAX_UNACKNOWLEDGED` bytes waited."""


class Flow:
    """The frames of one socket that are on their way. Pure counting but for `room`, which waits."""

    def __init__(self) -> None:
        self.unacknowledged = 0
        """Bytes sent and not confirmed."""
        self._sent = 0
        self._confirmed = 0
        self._sizes: deque[int] = deque()
        self._progress = asyncio.Event()

    def sent(self, size: int) -> None:
        """A frame of `size` bytes went out."""
        self._sent += 1
        self._sizes.append(size)
        self.unacknowledged += size

    def confirm(self, count: int) -> None:
        """The client has handled `count` frames. Raises `InvalidCommand` for more than were sent; a smaller count
        than before is old news.
        """
        if count > self._sent:
            raise InvalidCommand(f"`received` says {count} frames, but only {self._sent} were sent on this socket.")
        if count > self._confirmed:
            for _ in range(count - self._confirmed):
                self.unacknowledged -= self._sizes.popleft()
            self._confirmed = count
            self._progress.set()

    @property
    def full(self) -> bool:
        """Whether nothing more may be sent just now."""
        return self.unacknowledged > MAX_UNACKNOWLEDGED

    async def room(self) -> None:
        """Return when more may be sent. Raises `TooSlow`."""
        while self.full:
            self._progress.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._progress.wait()
            except TimeoutError:
                raise TooSlow from None
