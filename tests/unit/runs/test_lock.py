"""Without Redis, one worker a database: a second one is refused with a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from environ import Env
from pytest_django import DjangoDbBlocker

from chat.protocol.codes import Unavailable
from chat.runs import lock
from chat.runs.lock import AlreadyRunning, FileLock, PostgresLock, WorkerLock, worker_lock
from tests.services import Postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One that tests may restart."""
    with Postgres() as service:
        yield service


@pytest.fixture
def on_postgres(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[Postgres]:
    """The lock's `connections["default"]` leads to it."""
    configured = {**connections["default"].settings_dict, **Env.db_url_config(postgres.url()), "OPTIONS": {}}
    configured["HOST"] = str(postgres.sockets)
    apart = DatabaseWrapper(configured, "default")
    monkeypatch.setattr(lock, "connections", {"default": apart})
    # It is no database of the tests', so theirs need not be guarded from it.
    with django_db_blocker.unblock():
        yield postgres


def test_of_two_on_a_file_the_second_hears_who_has_it(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.take()
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\) already serves .* set REDIS_URL"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_of_two_on_postgres_the_second_hears_who_has_it(on_postgres: Postgres) -> None:
    first, second = PostgresLock(), PostgresLock()
    first.take()
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()} on .*\) already serves .* set REDIS_URL"):
        second.take()
    first.keep()
    first.release()
    second.take()
    second.release()


def test_a_lock_that_a_restart_of_postgres_freed_is_taken_again(on_postgres: Postgres) -> None:
    first, second = PostgresLock(), PostgresLock()
    first.take()
    on_postgres.restart()
    first.keep()
    with pytest.raises(AlreadyRunning):
        second.take()
    first.release()


def test_who_lost_the_lock_to_another_hears_so_until_the_other_ends(on_postgres: Postgres) -> None:
    first, second = PostgresLock(), PostgresLock()
    first.take()
    on_postgres.restart()
    second.take()
    for _ in range(2):
        with pytest.raises(AlreadyRunning):
            first.keep()
    second.release()
    first.keep()
    first.release()


def test_while_postgres_is_away_nobody_has_the_lock(on_postgres: Postgres) -> None:
    first = PostgresLock()
    first.take()
    on_postgres.kill()
    for _ in range(2):
        with pytest.raises(Unavailable):
            first.keep()
    on_postgres.start()
    first.keep()
    first.release()


@pytest.mark.parametrize(
    ("redis", "engine", "name", "kind"),
    [
        ("redis://127.0.0.1/0", "postgresql", "chat", WorkerLock),
        ("", "postgresql", "chat", PostgresLock),
        ("", "sqlite3", "/var/chat.sqlite3", FileLock),
        ("", "sqlite3", "/var/memory/chat.sqlite3", FileLock),
        ("", "sqlite3", ":memory:", WorkerLock),
        ("", "sqlite3", "file:chat?mode=memory&cache=shared", WorkerLock),
    ],
)
def test_the_settings_say_which_lock(
    redis: str, engine: str, name: str, kind: type[WorkerLock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", redis)
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", name)
    assert type(worker_lock()) is kind
