"""A whole service in one thread: workers with all their real parts, one database, one log, and people with tabs."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import random
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction
from django.test import AsyncClient
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from chat import notes
from chat import runtime as runtime_module
from chat.agents.scripted import ScriptedAgent
from chat.api import auth, chats, messages
from chat.consumers import commands, socket
from chat.limits import Limits
from chat.models import Chat, ChatList, Member, Message, Run, RunEvent, Worker
from chat.protocol.objects import UserObject
from chat.runs import flusher, heartbeat, supervisor
from chat.runs.log import RunLog
from chat.runs.log.database import DatabaseLog
from chat.runtime import Runtime
from chat.selectors import runs as run_selectors
from chat.services import workers
from chat.services.announce import Move, moved
from tests import TIMEOUT
from tests.http import Answer
from tests.logs import MemoryLog
from tests.people import Connection, Person
from tests.server import ServerProcess
from tests.simulation.loop import HERE, Loop, Process, outside
from tests.simulation.network import FarLog, Layer, Line, Trouble

R = TypeVar("R")

WORD = 0.2
"""Seconds between the words of a reply that is continued."""


class WorkerProcess(Process):
    """One of several workers."""

    def __init__(self, world: World) -> None:
        super().__init__(world.loop)
        self.world = world
        self.lines: list[Line] = []
        self.ends = False
        self.runtime = _Runtime(self)
        self.started = self.spawn(self.runtime.start())
        self.gone: asyncio.Future[None] = world.loop.create_future()

    @property
    def serves(self) -> bool:
        """Whether clients are sent here."""
        return self.state == "running" and self.runtime.ready and not self.ends

    def kill(self) -> None:
        super().kill()
        self._leave()

    def terminate(self, drain: float) -> None:
        """SIGTERM: it ends in order, within a little more than `drain` seconds."""
        self.ends = True
        self.spawn(self.runtime.shutdown(drain)).add_done_callback(lambda _: self.kill())

    def _leave(self) -> None:
        moved.disconnect(self.runtime._moved)
        for line in self.lines:
            line.abort()
        if not self.gone.done():
            self.gone.set_result(None)


class _Runtime(Runtime):
    """Hears of its own process's commits only, though all are made in this thread."""

    def __init__(self, process: WorkerProcess) -> None:
        super().__init__()
        self._log = FarLog(process.world.log, process.world.trouble, process.loop)
        self._agents = {"scripted": ScriptedAgent(name="scripted", title="Scripted", delay=WORD)}
        self.limits = Limits(settings.USER_SOCKETS, settings.USER_COMMANDS, clock=process.loop.time)
        self._process = process

    def _moved(self, sender: object, move: Move, **_: object) -> None:
        if HERE.get(None) is self._process:
            super()._moved(sender, move)


class _Here:
    """The runtime of whatever process asks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(cast(WorkerProcess, HERE.get()).runtime, name)


class World:
    """`chance` decides all that is left to chance: delays, fates of notes, which worker a client comes to."""

    def __init__(self, chance: random.Random, log: Literal["table", "memory"]) -> None:
        self.chance = chance
        self.loop = Loop(chance)
        self.layer = Layer(self.loop, chance)
        self.trouble = Trouble()
        self.log: RunLog = DatabaseLog() if log == "table" else MemoryLog()
        """Where the run's row is the fence, as in the table, and one with a fence of its own, as in Redis."""
        self.workers: list[WorkerProcess] = []
        self.errors: list[str] = []
        """What was logged as one: nothing that happens here excuses it."""
        self._beginning = timezone.now()
        self._handler = _Errors(self.errors)
        logging.getLogger("chat").addHandler(self._handler)
        self.loop.set_exception_handler(self._unhandled)
        with transaction.atomic():
            for model in (RunEvent, Message, Run, Member, Chat, ChatList, Worker, User):
                model.objects.all()._raw_delete(using="default")

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Nobody asks the tasks of the dead how they ended.
        if all(worker.state != "dead" for worker in self.workers):
            self.errors.append(f"{context['message']}: {context.get('future')!r}")

    def now(self) -> datetime:
        """What the database's clock says."""
        return self._beginning + timedelta(seconds=self.loop.time())

    def logged(self, run: UUID) -> int:
        """How many events of a run are in the log."""
        if isinstance(self.log, MemoryLog):
            return len(self.log.events.get(run, []))
        return outside(RunEvent.objects.filter(run=run).count)

    def start_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self)
        self.workers.append(worker)
        return worker

    def any_worker(self) -> WorkerProcess:
        """One that a balancer may choose; raises `ConnectionError` where there is none."""
        serving = [worker for worker in self.workers if worker.serves]
        if not serving:
            raise ConnectionError
        return self.chance.choice(serving)

    def new_visitor(self) -> Visitor:
        """Someone new, who is signed in."""
        user = User.objects.create(username="visitor")
        client = AsyncClient()
        client.cookies[settings.SESSION_COOKIE_NAME] = str(user.id)
        return Visitor(cast(ServerProcess, None), str(user.id), str(user.id), self, client)

    def run(self, awaited: Awaitable[R]) -> R:
        """Let the world go on until this is done."""
        return self.loop.run_until_complete(awaited)

    def end(self) -> None:
        """Nothing happens any more."""
        logging.getLogger("chat").removeHandler(self._handler)
        for worker in self.workers:
            worker._leave()
        self.loop.end()


class _Errors(logging.Handler):
    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self._errors.append(logging.Formatter("%(name)s: %(message)s").format(record))


@dataclass(frozen=True, slots=True)
class Visitor(Person):
    """Someone who is signed in, and comes to any of the workers."""

    world: World
    client: AsyncClient

    async def connect(self) -> Connection:
        worker = self.world.any_worker()
        line = Line(worker, {settings.SESSION_COOKIE_NAME: self.session}, self.world.chance)
        worker.lines.append(line)
        return line

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.ask(method, path, body)
        if answer.status == 503:
            raise ConnectionError
        assert answer.status < 400, f"{method} {path}: {answer.status} {answer.text}"
        return json.loads(answer.body) if answer.body else None

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Call the API at some worker. Raises `OSError` where no answer comes; it may yet be done."""
        worker = self.world.any_worker()
        data = b"" if body is None else json.dumps(body).encode()
        called = worker.spawn(self._call(method, f"/api/{path}", data))
        either: set[asyncio.Future[Any]] = {called, worker.gone}
        await asyncio.wait(either, timeout=TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if not called.done():
            raise ConnectionError if worker.gone.done() else TimeoutError
        return called.result()

    async def _call(self, method: str, path: str, data: bytes) -> Answer:
        answer = await self.client.generic(method, path, data, content_type="application/json")
        return Answer(answer.status_code, {}, answer.content)


def prepare(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Make the modules of this process fit for several workers: whatever there is one of in a process is looked up by
    who asks, and time is the loop's."""
    settings.REDIS_URL = "redis://is.not.asked.invalid"
    for name in ("chat", "django"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.CRITICAL if name == "django" else logging.ERROR)
    for module in (commands, socket, auth, chats, messages):
        monkeypatch.setattr(module, "runtime", _Here())
    for module in (socket, auth):
        monkeypatch.setattr(module, "user_of_session", _known)
    clock = SimpleNamespace(monotonic=_time, perf_counter=_time)
    monkeypatch.setattr(heartbeat, "time", clock)
    monkeypatch.setattr(flusher, "time", clock)
    monkeypatch.setattr(supervisor, "contextvars", SimpleNamespace(Context=_own_context))
    monkeypatch.setattr(notes, "_layer", lambda: _world().layer)
    monkeypatch.setattr(runtime_module, "close_pool_connections", lambda: None)
    monkeypatch.setattr(runtime_module, "register_worker", _register)
    for clocked in (workers, run_selectors):
        monkeypatch.setattr(clocked, "Now", lambda: _world().now())
    # Of what is random, ids are the rest: the same ones each time, so that whatever is ordered by them is too.
    monkeypatch.setattr(uuid, "os", SimpleNamespace(urandom=random.randbytes))


def _known(session: str) -> UserObject:
    """Sessions have tests of their own; here they are the ids of users."""
    return UserObject(UUID(session), "visitor", guest=False)


def _world() -> World:
    return cast(WorkerProcess, HERE.get()).world


def _time() -> float:
    return HERE.get().loop.time()


def _own_context() -> contextvars.Context:
    context = contextvars.Context()
    context.run(HERE.set, HERE.get())
    return context


def _register(*, name: str) -> UUID:
    worker_id = workers.register_worker(name=name)
    workers.beat(worker_id=worker_id, name=name)
    return worker_id
