"""What the log in the database does beside what every log promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DataError, InternalError, OperationalError, connection

from chat.database import close_pool_connections, in_database
from chat.models import RunEvent
from chat.protocol.codes import Unavailable
from chat.runs.log import Append, Appended
from chat.runs.log import database as module
from chat.runs.log.database import DatabaseLog
from chat.services.messages import Posted, Started
from tests.chats import new_chat, new_user, say

pytestmark = pytest.mark.django_db(transaction=True)
POISON = b'{"poison":1}'


@pytest.fixture
async def log() -> AsyncIterator[DatabaseLog]:
    made = DatabaseLog()
    yield made
    await made.close()
    close_pool_connections()


@pytest.fixture
def runs() -> list[Started]:
    user = new_user()
    started = [say(user, new_chat(user)).started for _ in range(3)]
    return [each for each in started if each is not None]


def _posted(user: UUID) -> Posted:
    return say(user, new_chat(user))


async def in_log_thread(log: DatabaseLog, function: Any, *args: Any) -> Any:
    """Call something where the log has its connection."""
    return await log._call(function, *args)


async def test_an_event_that_the_database_does_not_take_harms_its_own_run_only(
    log: DatabaseLog, runs: list[Started]
) -> None:
    def refuse(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if "INSERT" in sql and POISON.decode() in repr(params):
            raise DataError
        return execute(sql, params, many, context)

    await in_log_thread(log, lambda: connection.execute_wrappers.append(refuse))
    batch = [Append(run.run, run.token, 0, [b"{}", POISON if run is runs[1] else b"{}"]) for run in runs]
    assert await log.append(batch) == [Appended.WRITTEN, Appended.MISMATCH, Appended.WRITTEN]
    assert [len(await log.read(run.run)) for run in runs] == [2, 0, 2]


async def test_a_database_that_is_away_is_said_to_be_and_nothing_is_lost(log: DatabaseLog, runs: list[Started]) -> None:
    failing = True

    def fail(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if failing and "INSERT" in sql:
            raise OperationalError
        return execute(sql, params, many, context)

    await in_log_thread(log, lambda: connection.execute_wrappers.append(fail))
    append = Append(runs[0].run, runs[0].token, 0, [b"{}"])
    with pytest.raises(Unavailable):
        await log.append([append])
    failing = False
    assert await log.append([append]) == [Appended.WRITTEN]


async def test_a_database_that_only_reads_is_away_and_its_connection_is_not_kept(
    log: DatabaseLog, runs: list[Started]
) -> None:
    """As a standby is, which is met during a failover."""

    def only_read(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        raise InternalError("cannot execute INSERT in a read-only transaction")

    await in_log_thread(log, lambda: connection.execute_wrappers.append(only_read))
    append = Append(runs[0].run, runs[0].token, 0, [b"{}"])
    with pytest.raises(Unavailable):
        await log.append([append])
    assert await in_log_thread(log, lambda: connection.connection is None)
    await in_log_thread(log, lambda: connection.execute_wrappers.remove(only_read))
    assert await log.append([append]) == [Appended.WRITTEN]


async def test_a_batch_of_all_runs_is_one_statement_in_one_transaction(log: DatabaseLog, runs: list[Started]) -> None:
    statements: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    await in_log_thread(log, lambda: connection.execute_wrappers.append(count))
    await log.append([Append(run.run, run.token, 0, 20 * [b"{}"]) for run in runs])
    assert [sql.split()[0] for sql in statements] in (["INSERT"], ["BEGIN", "INSERT"])
    assert await in_database(RunEvent.objects.count) == 60


async def test_after_a_failure_the_log_is_looked_through_once_for_all_runs(
    log: DatabaseLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no index by run: a look for each would pass over all that was said since it began."""
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 5)
    user = await in_database(new_user)
    started = [(await in_database(_posted, user)).started for _ in range(20)]
    runs = [each for each in started if each is not None]
    for seq in range(10):
        await log.append([Append(run.run, run.token, seq, [b"%d" % seq]) for run in runs])
    failing = True
    statements: list[str] = []

    def fail(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if failing and "INSERT" in sql:
            # Half of them are there, for all that is known.
            execute(sql, params[:10], many, context)
            connection.connection.commit()
            raise OperationalError
        statements.append(sql)
        return execute(sql, params, many, context)

    await in_log_thread(log, lambda: connection.execute_wrappers.append(fail))
    batch = [Append(run.run, run.token, 10, [b"late", b"later"]) for run in runs]
    with pytest.raises(Unavailable):
        await log.append(batch)
    failing = False
    assert await log.append(batch) == [Appended.WRITTEN] * 20
    looks = [sql for sql in statements if sql.startswith("SELECT") and "chat_runevent" in sql and " IN (" in sql]
    assert len(looks) == 3
    for run in runs:
        assert await log.read(run.run) == [*(b"%d" % seq for seq in range(10)), b"late", b"later"]


async def test_a_run_that_is_gone_takes_no_event(log: DatabaseLog, runs: list[Started]) -> None:
    gone = Append(uuid4(), uuid4(), 0, [b"{}"])
    assert await log.append([gone, Append(runs[0].run, runs[0].token, 0, [b"{}"])]) == [
        Appended.REFUSED,
        Appended.WRITTEN,
    ]


async def test_a_gap_ends_what_can_be_read(log: DatabaseLog, runs: list[Started]) -> None:
    await log.append([Append(runs[0].run, runs[0].token, 0, [b"1", b"2", b"3"])])

    def lose(run: UUID) -> None:
        RunEvent.objects.filter(run=run, seq=2).delete()

    await in_database(lose, runs[0].run)
    assert await log.read(runs[0].run) == [b"1"]
