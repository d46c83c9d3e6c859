"""How much one person may ask of one process: sockets at once, commands a minute. Runs at once are the database's to
count, for all processes: see `services.messages`.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from uuid import UUID

from chat.protocol.codes import TooManyRequests

REMEMBERED = 100_000
"""People whose commands are counted at once; those who have said nothing for longest are forgotten first."""


class Limits:
    """Counts by user. A command costs one of a person's `commands`, which come back evenly over a minute."""

    def __init__(self, sockets: int, commands: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_sockets = sockets
        self._burst = commands
        self._rate = commands / 60
        self._clock = clock
        self._sockets: Counter[UUID] = Counter()
        self._left: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    def enter(self, user: UUID) -> bool:
        """Count one more socket of this person; false, and nothing counted, where that is too many."""
        if self._sockets[user] >= self._max_sockets:
            return False
        self._sockets[user] += 1
        return True

    def leave(self, user: UUID) -> None:
        """A socket that was let in is gone."""
        self._sockets[user] -= 1
        if self._sockets[user] <= 0:
            del self._sockets[user]

    def spend(self, user: UUID) -> None:
        """One command of this person. Raises `TooManyRequests` with the seconds until the next is free."""
        now = self._clock()
        left, then = self._left.pop(user, (float(self._burst), now))
        left = min(left + (now - then) * self._rate, float(self._burst))
        if left < 1:
            self._left[user] = (left, now)
            raise TooManyRequests(retry_after=round((1 - left) / self._rate, 3))
        self._left[user] = (left - 1, now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
