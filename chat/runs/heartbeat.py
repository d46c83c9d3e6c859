"""Who lives, by the database's clock: each worker says so every few seconds, and ends the runs of those who do not.

A worker may take another's runs only when its own heartbeat has held for a full lease. So when the database was away,
and everybody's heartbeat with it, nobody takes anything from anyone who is still there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

from chat import selectors
from chat.database import in_heartbeat
from chat.protocol.codes import ChatError
from chat.runs.log import RunLog
from chat.runs.recovery import end_orphan, fold
from chat.runs.supervisor import Supervisor
from chat.services.messages import Started
from chat.services.workers import beat

logger = logging.getLogger(__name__)

BEAT = 5.0
"""Seconds between heartbeats, and between looks at others' and at one's own runs."""
LEASE = 30.0
"""Seconds of silence after which a worker's runs may be taken. With `BEAT`, a dead worker's runs end within 40 s."""
YOUNG = 3.0
"""Seconds for which a run of this worker may have no task: its start may be under way."""


async def _again_and_again(what: str, turn: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(BEAT * random.uniform(0.8, 1.0))  # noqa: S311  # keeps workers apart
        try:
            await turn()
        except ChatError as problem:
            logger.warning("%s was missed: %s", what, problem.code)
        except Exception:
            logger.exception("%s failed", what)


@contextlib.contextmanager
def _left_for_later(run: UUID, chat: UUID) -> Iterator[None]:
    """A run that cannot be ended now, because somebody has locked its chat for one, must not keep others waiting."""
    try:
        yield
    except ChatError as problem:
        logger.warning("run %s is looked at again later: %s", run, problem.code, extra={"run": run, "chat": chat})
    except Exception:
        logger.exception("run %s is looked at again later", run, extra={"run": run, "chat": chat})


class Heartbeat:
    """One a worker, on a database connection of its own.

    Beats and looks have a task each: to end a run one may have to wait for a row that somebody has locked, and who is
    silent meanwhile is taken for dead.
    """

    def __init__(self, worker_id: UUID, log: RunLog, supervisor: Supervisor) -> None:
        self._worker_id = worker_id
        self._log = log
        self._supervisor = supervisor
        self._beaten = self._held_since = time.monotonic()
        self._idle_since: dict[UUID, float] = {}
        self._taken: set[UUID] = set()
        """Runs that another worker began to answer, and that are not ended yet."""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._tasks = [
            asyncio.create_task(_again_and_again("a heartbeat", self.beat), name="heartbeat"),
            asyncio.create_task(_again_and_again("a look at runs", self.look), name="recovery"),
        ]

    async def stop(self) -> None:
        """End; the worker's row is the caller's to remove."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self) -> None:
        """Look after this worker's runs and those of the dead. Raises `Unavailable`."""
        await self._look_after_own()
        # Also held now: a look may have taken longer than a lease.
        if time.monotonic() - self._held_since >= LEASE and time.monotonic() - self._beaten <= 2 * BEAT:
            await self._take_over()

    async def beat(self) -> None:
        """Say that this worker lives. Raises `Unavailable`."""
        await in_heartbeat(beat, worker_id=self._worker_id, name=f"{socket.gethostname()}:{os.getpid()}")
        if time.monotonic() - self._beaten > 2 * BEAT:
            # What kept it silent may have kept all others so, and they may beat a little later than this one.
            self._held_since = time.monotonic()
        self._beaten = time.monotonic()

    async def _take_over(self) -> None:
        for orphan in await in_heartbeat(selectors.stale_runs, self._worker_id, lease=LEASE, fresh=2 * BEAT):
            with _left_for_later(orphan.run, orphan.chat):
                self._taken.add(orphan.run)
                if await end_orphan(self._log, self._worker_id, orphan):
                    ids = {"run": orphan.run, "chat": orphan.chat}
                    logger.warning("run %s was taken from a silent worker and ended", orphan.run, extra=ids)
                self._taken.discard(orphan.run)

    async def _look_after_own(self) -> None:
        """Stop what should stop, give up what is not ours any more, and start or end what is ours and has no task: the
        answer to its commit was lost, or the log did not answer when it was taken."""
        now = time.monotonic()
        live = self._supervisor.live
        own = await in_heartbeat(selectors.runs_of_worker, self._worker_id)
        idle = {run.run: self._idle_since.get(run.run, now) for run in own if run.run not in live}
        self._idle_since = idle
        for run_id in live - {run.run for run in own}:
            self._supervisor.drop(run_id)
        for run in own:
            if run.run in live:
                if run.stop_requested:
                    self._supervisor.stop(run.run)
            elif now - idle[run.run] >= YOUNG and run.run not in self._supervisor.live:
                with _left_for_later(run.run, run.chat):
                    await self._adopt(run)

    async def _adopt(self, run: selectors.OwnRun) -> None:
        await self._log.seal(run.run, run.token)
        begun = await self._log.read(run.run)
        if run.run in self._supervisor.live:
            # The answer to its commit came after all.
            return
        if run.run in self._taken or begun:
            await fold(self._log, selectors.Orphan(run.run, run.chat, run.token))
        else:
            self._supervisor.take(
                Started(run=run.run, chat=run.chat, reply=run.reply, agent=run.agent, token=run.token)
            )
        self._taken.discard(run.run)
        logger.warning("run %s had no task", run.run, extra={"run": run.run, "chat": run.chat})
