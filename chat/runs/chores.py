"""What has to be done once an hour, by one worker of all: the one whose row is the oldest of those that live.

So there is nothing to elect and nothing to lock. When two take themselves for the oldest for a moment, both do the
work, which is harmless; when the oldest dies, the next one does it within an hour.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from uuid import UUID

from chat import selectors
from chat.database import in_database
from chat.runs.heartbeat import LEASE

logger = logging.getLogger(__name__)

FIRST = 300.0
"""Seconds from a worker's start to its first turn, so that it comes also where workers are restarted all the time."""
EVERY = 3600.0
"""Seconds between turns."""
PAUSE = 0.1
"""Seconds between batches, in which others get to write."""


class Chores:
    """One a worker. A chore is called in a thread until it returns 0: each call does one batch and says how much."""

    def __init__(self, worker_id: UUID, chores: Mapping[str, Callable[[], int]]) -> None:
        self._worker_id = worker_id
        self._chores = chores
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._task = asyncio.create_task(self._run(), name="chores")

    async def stop(self) -> None:
        """End after the batch under way, if there is one."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def turn(self) -> None:
        """Do everything, if it is for this worker to do. What fails is logged, and tried again at the next turn."""
        try:
            if not await in_database(selectors.is_oldest_worker, self._worker_id, LEASE):
                return
        except Exception:
            logger.warning("nothing was cleaned up; tried again in an hour", exc_info=True)
            return
        for name, chore in self._chores.items():
            removed = 0
            try:
                while count := await in_database(chore):
                    removed += count
                    await asyncio.sleep(PAUSE)
            except Exception:
                logger.warning("cleaning up the %s failed; tried again in an hour", name, exc_info=True)
            if removed:
                logger.info("cleaned up: %d %s", removed, name)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST * random.uniform(0.5, 1.0))  # noqa: S311  # keeps workers apart
        while True:
            await self.turn()
            await asyncio.sleep(EVERY)
