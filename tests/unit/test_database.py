"""The threads for queries: who waits for one behind a database that says nothing is told so."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest
from django.conf import settings
from django.db import InternalError, OperationalError, connection, transaction

from chat import database
from chat.database import RESERVED, close_pool_connections, in_database, in_heartbeat, in_reserve
from chat.feeds import Feeds
from chat.models import Worker
from chat.precedence import Precedence
from chat.protocol.codes import Unavailable
from chat.runs.flusher import Flusher
from chat.runs.heartbeat import Heartbeat
from chat.runs.supervisor import Supervisor
from chat.services.workers import register_worker
from tests import TIMEOUT
from tests.logs import MemoryLog
from tests.until import until

# Also where nothing is asked: a connection that an earlier test left to a thread is looked at before each call.
pytestmark = pytest.mark.django_db(transaction=True)
WAITING = range(20)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_pool_connections()


class Slow:
    """Fills all threads until it is told to let go of them; `fails`: as a connection that is given up.

    Those of the reserve too: a thread that still works for an earlier test would otherwise answer in between.
    """

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails
        self._go = threading.Event()
        self._begun: list[None] = []
        self._stuck = [
            *(asyncio.create_task(in_database(self._ask)) for _ in range(settings.DATABASE_THREADS)),
            *(asyncio.create_task(in_reserve(self._ask)) for _ in range(RESERVED)),
        ]

    async def fills(self) -> None:
        """Wait until there is no thread left."""
        await until(lambda: len(self._begun) == len(self._stuck))

    async def let_go(self) -> None:
        self._go.set()
        await asyncio.gather(*self._stuck, return_exceptions=True)

    def _ask(self) -> None:
        self._begun.append(None)
        assert self._go.wait(TIMEOUT)
        if self._fails:
            raise OperationalError


async def crowd(monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> tuple[list[int], list[BaseException | None]]:
    """Who of those that waited for longer than a database may be silent was let through, and what each was told."""
    slow = Slow(fails=fails)
    await slow.fills()
    monkeypatch.setattr(database, "SILENCE", 0.1)
    through: list[int] = []
    waiting = asyncio.gather(*(in_database(through.append, each) for each in WAITING), return_exceptions=True)
    began = time.monotonic()
    await until(lambda: time.monotonic() - began > 2 * database.SILENCE)
    await slow.let_go()
    return sorted(through), await waiting


async def test_who_waits_behind_a_database_that_answers_nobody_is_told_so_and_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through, told = await crowd(monkeypatch, fails=True)
    assert through == []
    assert all(isinstance(answer, Unavailable) for answer in told)


async def test_who_waits_behind_a_database_that_is_only_slow_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    through, told = await crowd(monkeypatch, fails=False)
    assert through == list(WAITING)
    assert set(told) == {None}


@pytest.mark.parametrize("name", ["OperationalError", "InterfaceError"])
async def test_an_error_in_the_drivers_own_words_is_the_database_being_away_too(name: str) -> None:
    def fail() -> None:
        error: type[Exception] = getattr(connection.Database, name)  # type: ignore[attr-defined]  # the stubs leave it out
        raise error("server closed the connection unexpectedly")

    with pytest.raises(Unavailable):
        await in_database(fail)


async def test_the_heart_beats_while_all_other_threads_wait() -> None:
    """Ends of runs among them: each may wait for a row that somebody has locked."""
    worker = await in_database(register_worker, name="mine")
    log = MemoryLog()
    flusher = Flusher(log, lambda _: None, Precedence())
    heart = Heartbeat(worker, log, Supervisor(worker, {}, flusher, Feeds(log, lambda _: None), Precedence()))
    await heart.beat()
    before = await in_heartbeat(_beaten, worker)
    slow = Slow(fails=False)
    await slow.fills()
    async with asyncio.timeout(TIMEOUT):
        await heart.beat()
        assert await in_heartbeat(_beaten, worker) > before
    await slow.let_go()


def _beaten(worker: UUID) -> datetime:
    return Worker.objects.values_list("heartbeat_at", flat=True).get(id=worker)


async def test_a_write_to_a_standby_is_the_database_being_away_and_its_connection_is_not_kept() -> None:
    """Met during a failover, when the old address leads to a server that only reads."""

    def write() -> None:
        connection.ensure_connection()
        if connection.vendor != "postgresql":
            raise InternalError("cannot execute DELETE in a read-only transaction")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("DELETE FROM chat_chat")

    with pytest.raises(Unavailable):
        await in_heartbeat(write)
    assert await in_heartbeat(lambda: connection.connection is None)


async def test_why_the_database_does_not_answer_is_logged_once_a_second_for_all(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError("disk I/O error,\n  the disk is full")

    monkeypatch.setattr(database._Answers, "missed", float("-inf"))
    refused = await asyncio.gather(*(in_database(fail) for _ in WAITING), return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in refused)
    assert [record.getMessage() for record in caplog.records] == [
        "the database does not answer: disk I/O error, the disk is full"
    ]
