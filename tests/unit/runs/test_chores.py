"""What is done once an hour is done by one worker, in batches, and a failure of one thing leaves the others."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import OperationalError
from django.utils import timezone

from chat import selectors
from chat.database import close_pool_connections, in_database
from chat.models import Worker
from chat.runs import chores
from chat.runs.chores import Chores
from chat.runs.heartbeat import LEASE
from chat.runtime import Runtime, runtime
from chat.services.workers import register_worker, remove_worker
from config.asgi import application
from config.cleanup import CHORES
from config.lifespan import Lifespan
from tests import TIMEOUT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(chores, "PAUSE", 0.0)
    yield
    close_pool_connections()


def batches(*sizes: int) -> tuple[Callable[[], int], deque[int]]:
    """A chore that finds this much to do, and what it has not done yet."""
    left = deque([*sizes, 0])
    return left.popleft, left


async def test_a_chore_is_done_batch_by_batch_until_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    chore, left = batches(500, 500, 20)
    with caplog.at_level(logging.INFO):
        await Chores(await a_worker(), {"expired things": chore}).turn()
    assert not left
    assert caplog.messages == ["cleaned up: 1020 expired things"]


async def test_only_the_oldest_living_worker_does_anything() -> None:
    oldest, second, third = [await a_worker(ago=ago) for ago in (30, 20, 10)]
    chore, left = batches(1)
    for each in (second, third):
        await Chores(each, {"things": chore}).turn()
    assert len(left) == 2
    await in_database(silence, oldest)
    await Chores(third, {"things": chore}).turn()
    assert len(left) == 2
    await Chores(second, {"things": chore}).turn()
    assert not left


async def test_a_worker_without_a_row_does_nothing() -> None:
    chore, left = batches(1)
    gone = await a_worker()
    await in_database(remove_worker, worker_id=gone)
    await Chores(gone, {"things": chore}).turn()
    assert len(left) == 2


async def test_what_fails_is_said_and_the_rest_is_done(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> int:
        raise OperationalError("too slow")

    chore, left = batches(3)
    await Chores(await a_worker(), {"odd things": fail, "things": chore}).turn()
    assert not left
    assert "cleaning up the odd things failed; tried again in an hour" in caplog.messages


async def test_a_database_that_is_away_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(selectors, "is_oldest_worker", away)
    chore, left = batches(3)
    await Chores(await a_worker(), {"things": chore}).turn()
    assert len(left) == 2
    assert caplog.messages == ["nothing was cleaned up; tried again in an hour"]


async def test_a_started_worker_takes_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "FIRST", 0.01)
    monkeypatch.setattr(chores, "EVERY", 0.01)
    called = threading.Semaphore(0)

    def chore() -> int:
        called.release()
        return 0

    runtime = Runtime()
    runtime.chores = {"things": chore}
    await runtime.start()
    for _ in range(3):
        assert await asyncio.to_thread(called.acquire, timeout=TIMEOUT)
    await runtime.shutdown(0)


def test_the_service_has_everything_that_the_command_removes() -> None:
    Lifespan(application)
    assert runtime.chores is CHORES


async def a_worker(*, ago: int = 0) -> UUID:
    """The row of a worker that began so many minutes ago, and lives."""
    worker_id = await in_database(register_worker, name="a worker")
    started = timezone.now() - timedelta(minutes=ago)
    await in_database(lambda: Worker.objects.filter(id=worker_id).update(started_at=started))
    return worker_id


def silence(worker_id: UUID) -> None:
    """Make it look dead."""
    Worker.objects.filter(id=worker_id).update(heartbeat_at=timezone.now() - timedelta(seconds=2 * LEASE))
