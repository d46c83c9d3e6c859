"""The parts of one process, opened once and closed in order: agents, log, flusher, hub, notes, supervisor.

Whoever serves the application calls `start` before the first request and `shutdown` after the last; consumers and views
find the parts here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
import socket
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.db import ProgrammingError

from chat.agents.base import Agent
from chat.agents.registry import AgentConfigError, build_agents, close_agents
from chat.database import close_pool_connections, in_database
from chat.feeds import read_log
from chat.hub import Hub
from chat.limits import Limits
from chat.notes import Notes
from chat.precedence import Precedence
from chat.protocol.codes import ChatError, Close, NeedsAsgi, UnknownAgent
from chat.protocol.objects import AgentObject, Part
from chat.runs.chores import Chores
from chat.runs.flusher import Flusher, Tail
from chat.runs.heartbeat import Heartbeat
from chat.runs.lock import AlreadyRunning, worker_lock
from chat.runs.log import RunLog
from chat.runs.log.database import DatabaseLog
from chat.runs.recovery import end_orphans
from chat.runs.supervisor import Supervisor
from chat.services.announce import Move, moved
from chat.services.cleanup import remove_expired_logs
from chat.services.workers import register_worker, remove_worker

logger = logging.getLogger(__name__)

GOODBYE = 2.0
"""Seconds over which sockets are closed at a shutdown, so that their clients do not all come back at once."""
LOCK_LOOK = 5.0
"""Seconds between looks at the lock that keeps a second worker away."""
EXPIRE = 60.0
"""Seconds between removals of logs that nobody needs any more."""


class StartupRefused(Exception):
    """This process must not serve; the text says why and what to do."""


class Closable(Protocol):
    """A socket of this process."""

    def close(self, code: int) -> None: ...


class Runtime:
    """One a process. It runs on the event loop; the parts that are declared first exist once it has started."""

    hub: Hub
    precedence: Precedence
    supervisor: Supervisor
    worker_id: UUID

    def __init__(self) -> None:
        self.ready = False
        """Whether new connections should come here."""
        self.going_away = False
        """A socket that comes now should go elsewhere at once: those that were here have been sent there."""
        self.sockets: set[Closable] = set()
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self.limits = Limits(settings.USER_SOCKETS, settings.USER_COMMANDS)
        self.chores: Mapping[str, Callable[[], int]] = {}
        """What one worker of all does once an hour: see `runs.chores`. To be set before the start."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._log = _new_log()

    @functools.cached_property
    def _agents(self) -> dict[str, Agent]:
        return build_agents(settings.AGENTS)

    async def start(self) -> None:
        """Open everything. Calls share one start; after one that failed the next call tries again, since a database may
        be there by then. Raises `StartupRefused`.
        """
        if self._starting is None or (self._starting.done() and self._starting.exception() is not None):
            self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    def begin_drain(self) -> None:
        """Say that new connections should go elsewhere, and take no new messages. Returns at once."""
        self.ready = False
        if hasattr(self, "supervisor"):
            self._locking.cancel()
            self.supervisor.draining = True

    async def shutdown(self, drain: float) -> None:
        """Let runs end for `drain` seconds, keep the rest as `interrupted`, close sockets (4503) and then everything.
        Does nothing if nothing was started, or the second time.
        """
        if self._starting is None:
            return
        if self._ending is None:
            self._ending = asyncio.create_task(self._shutdown(drain))
        await asyncio.shield(self._ending)

    def agent_objects(self) -> list[AgentObject]:
        """The agents that a person may choose; the first is the default."""
        return [AgentObject(name=agent.name, title=agent.title) for agent in self._agents.values()]

    def agent_name(self, name: str | None) -> str:
        """The name of an agent that exists: the default one for None. Raises `UnknownAgent`."""
        if name is None:
            return next(iter(self._agents))
        if name not in self._agents:
            raise UnknownAgent
        return name

    def running_supervisor(self) -> Supervisor:
        """The supervisor. Raises `NeedsAsgi` in a process that was never started, such as one under WSGI."""
        if not hasattr(self, "supervisor"):
            raise NeedsAsgi
        return self.supervisor

    async def live_parts(self, run: UUID) -> list[Part]:
        """What a run in flight has said so far, as far as anyone may see it. Raises `Unavailable`."""
        if not hasattr(self, "hub"):
            # Under WSGI each request has an event loop of its own, and a client of Redis belongs to one.
            log = _new_log()
            try:
                return (await read_log(log, run)).parts()
            finally:
                await log.close()
        return (await self.hub.feeds.newest(run)).parts()

    # --- In order -----------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = worker_lock()
        try:
            _ = self._agents
            await asyncio.to_thread(self._lock.take)
            self.worker_id = await in_database(register_worker, name=f"{socket.gethostname()}:{os.getpid()}")
            if not settings.REDIS_URL:
                # Alone, as the lock says: whatever runs by its row has no task.
                await end_orphans(self._log, self.worker_id)
                await in_database(remove_expired_logs)
        except (AgentConfigError, AlreadyRunning) as problem:
            raise StartupRefused(str(problem)) from problem
        except (ChatError, ProgrammingError) as problem:
            await asyncio.to_thread(self._lock.release)
            # A table that is not there: to SQLite the database does not work, Postgres has an error of its own.
            said = problem.__cause__ if isinstance(problem, ChatError) else problem
            raise StartupRefused(f"The database does not answer ({said}). Is it there and migrated?") from problem
        self.precedence = Precedence()
        self.hub = Hub(self._log, self.precedence)
        self._notes = Notes(self._heard_from_others, self.hub.feeds.heard)
        self._flusher = Flusher(self._log, self._written, self.precedence)
        self.supervisor = Supervisor(self.worker_id, self._agents, self._flusher, self.hub.feeds, self.precedence)
        self._heartbeat = Heartbeat(self.worker_id, self._log, self.supervisor)
        self._flusher.start()
        self.hub.start()
        self._notes.start()
        self._heartbeat.start()
        self._chores = Chores(self.worker_id, self.chores)
        self._chores.start()
        self._expiring = asyncio.create_task(self._expire())
        self._locking = asyncio.create_task(self._keep_lock())
        moved.disconnect(dispatch_uid="chat.notes")
        moved.connect(self._moved, weak=False)
        self.ready = True

    async def _shutdown(self, drain: float) -> None:
        self.begin_drain()
        if not hasattr(self, "supervisor"):
            return
        if settings.REDIS_URL:
            # Their clients follow the runs from another worker.
            self.going_away = True
            await self._close_sockets()
        await self.supervisor.shutdown(drain)
        await self._close_sockets()
        moved.disconnect(self._moved)
        await self._chores.stop()
        await self._heartbeat.stop()
        self._expiring.cancel()
        await self._notes.stop()
        await self.hub.stop()
        await self._flusher.stop()
        try:
            await close_agents(self._agents)
        except Exception:
            logger.exception("an agent's connections were left open")
        try:
            await in_database(remove_worker, worker_id=self.worker_id)
        except ChatError:
            logger.warning("the row of this process stays; cleanup removes it")
        await self._log.close()
        await asyncio.get_running_loop().run_in_executor(None, close_pool_connections)
        await asyncio.to_thread(self._lock.release)

    async def _close_sockets(self) -> None:
        """Close them a few at a time, so that their clients come back one after another."""
        sockets = list(self.sockets)
        random.shuffle(sockets)
        pause = min(GOODBYE / max(len(sockets), 1), 0.05)
        for each in sockets:
            each.close(Close.GOING_AWAY)
            await asyncio.sleep(pause)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE)
            try:
                while await in_database(remove_expired_logs):
                    pass
            except ChatError:
                logger.warning("expired logs are removed later: the database does not answer")
            except Exception:
                logger.exception("expired logs are removed later")

    async def _keep_lock(self) -> None:
        """Where the lock was lost, take it again; as long as another worker has it, take no messages."""
        while True:
            await asyncio.sleep(LOCK_LOOK)
            try:
                await asyncio.to_thread(self._lock.keep)
            except AlreadyRunning as problem:
                if self.ready:
                    logger.error("%s This one takes no messages until then.", problem)  # noqa: TRY400  # not a bug
                self.ready, self.supervisor.draining = False, True
            except ChatError:
                # Nobody can take it from a database that does not answer.
                continue
            else:
                self.ready, self.supervisor.draining = True, False

    # --- What moved ---------------------------------------------------------------------------------------------------

    def _moved(self, sender: object, move: Move, **_: object) -> None:
        """A commit of this process, told in the thread that made it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heard_here, move)

    def _written(self, tail: Tail) -> None:
        self.hub.feeds.grew(tail.run)
        if settings.REDIS_URL:
            self._notes.tell_run(tail.run, tail.transcript.seq)

    def _heard_here(self, move: Move) -> None:
        self._notes.tell(move)
        self._heard_from_others(move)

    def _heard_from_others(self, move: Move) -> None:
        self.hub.heard(move)
        for run in move.stops:
            self.supervisor.stop(run)


def _new_log() -> RunLog:
    if not settings.REDIS_URL:
        return DatabaseLog()
    # Its client takes a tenth of a second to load; without Redis nothing of it is wanted.
    from chat.runs.log.redis import RedisLog

    return RedisLog(settings.REDIS_URL)


runtime = Runtime()
