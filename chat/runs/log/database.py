"""The run log as a table, beside everything else: the embedded default."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
    transaction,
)
from django.db.models import Count, Max, Min

from chat.database import hang_up, no_answer
from chat.models import Run, RunEvent
from chat.protocol.codes import Unavailable
from chat.runs.log import Append, Appended

R = TypeVar("R")

# One statement a row, so that a batch of all runs is one `executemany`: the row is written only where the run has this
# token. That it follows the row before is known from the last append; where it is not, it is looked into run by run.
_INSERT = """
INSERT INTO chat_runevent (run_id, seq, data)
SELECT run.id, %s, %s FROM chat_run run WHERE run.id = %s AND run.token = %s
"""
# The `1` is no parameter: SQLite would not know that the index of first events has it.
_READ = """
SELECT seq, data FROM chat_runevent WHERE run_id = %s AND seq > %s
AND id >= (SELECT first.id FROM chat_runevent first WHERE first.run_id = %s AND first.seq = 1) ORDER BY id
"""
CHECKPOINT_EVERY = 1000
"""Events between checkpoints of SQLite's write-ahead log. An event of a run that streams beside many takes a page of
it, so this is a third of a second at 300 streams × 10/s, and 10 ms of writing. As often the newest row is looked up."""


class DatabaseLog:
    """`RunLog` over `RunEvent`, on one thread with a connection of its own: appends never wait behind a slow query.

    Nor behind the disk: SQLite copies what was committed from its write-ahead log to its file now and then, and whoever
    commits waits for that, unless another thread has done it before.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-log")
        self._checkpoints = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._since = 0
        """Events written since the last checkpoint began."""
        self._mark = 0
        """The newest row at some time since then: what was written later lies behind it."""
        self._last: dict[UUID, int] = {}
        """The last event of each run that this log has written to, while nothing has gone wrong."""

    async def append(self, appends: Sequence[Append]) -> list[Appended]:
        usual = all(self._last.get(append.run, 0) == append.after for append in appends)
        try:
            answers = await self._call(_append, appends, usual, self._mark)
        except BaseException:
            # Whether it was written, and what the database remembers when it comes back, is to be found out.
            self._last.clear()
            raise
        for append, answer in zip(appends, answers, strict=True):
            if answer is Appended.WRITTEN:
                self._last[append.run] = append.after + len(append.events)
            else:
                self._last.pop(append.run, None)
        self._since += sum(len(append.events) for append in appends)
        if self._since > CHECKPOINT_EVERY:
            self._since = 0
            with contextlib.suppress(Unavailable):
                self._mark = await self._call(_newest)
            if connection.vendor == "sqlite":
                self._checkpoints.submit(_checkpoint)
        return answers

    async def replace(self, run: UUID, token: UUID, events: Sequence[bytes]) -> Appended:
        self._last.pop(run, None)
        return await self._call(_replace, run, token, events)

    async def seal(self, run: UUID, token: UUID) -> None:
        """Nothing to do: appends ask the run's row."""

    async def read(self, run: UUID, after: int = 0) -> list[bytes]:
        return await self._call(_read, run, after)

    async def expire(self, runs: Iterable[UUID]) -> None:
        """Nothing to remove: `services.cleanup.remove_expired_logs` goes by the end in the run's row."""
        for run in runs:
            self._last.pop(run, None)

    async def close(self) -> None:
        for thread in (self._thread, self._checkpoints):
            await asyncio.get_running_loop().run_in_executor(thread, connections.close_all)
            thread.shutdown()

    async def _call(self, function: Callable[..., R], *args: Any) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _reporting, function, args)


def _reporting(function: Callable[..., R], args: tuple[Any, ...]) -> R:
    try:
        return function(*args)
    except (OperationalError, InterfaceError) as error:
        # After a lost connection the next call must open a new one.
        close_old_connections()
        raise no_answer(error) from error
    except InternalError as error:
        # A standby, met during a failover, reads and does not write: look for the one that does.
        hang_up()
        raise no_answer(error) from error


def _checkpoint() -> None:
    # Stopped in the middle, or not done at all, it is the next one's, or the next writer's.
    with contextlib.suppress(Error), connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _newest() -> int:
    return RunEvent.objects.aggregate(newest=Max("id"))["newest"] or 0


def _append(appends: Sequence[Append], usual: bool, mark: int) -> list[Appended]:
    try:
        if usual and _append_all(appends):
            return [Appended.WRITTEN] * len(appends)
    except (OperationalError, InterfaceError):
        raise
    except Error:
        # A clash of keys, or an event that the database does not take: find out whose.
        pass
    return _append_each(appends, mark)


def _append_all(appends: Sequence[Append]) -> bool:
    """Write the batch as if nothing were unusual; whether every row went in. All or nothing."""
    rows = [row for append in appends for row in _rows(append)]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)
            if cursor.rowcount == len(rows):
                return True
        transaction.set_rollback(True)
        return False


@functools.lru_cache(maxsize=8192)
def _id(uuid: UUID) -> Any:
    """As this database keeps it; made anew, the ids of a row would cost 3 µs."""
    return Run._meta.pk.get_db_prep_value(uuid, connections[DEFAULT_DB_ALIAS])


def _rows(append: Append) -> list[tuple[Any, ...]]:
    run, token = _id(append.run), _id(append.token)
    return [(seq, data.decode(), run, token) for seq, data in enumerate(append.events, append.after + 1)]


def _append_each(appends: Sequence[Append], mark: int) -> list[Appended]:
    """Write the batch run by run, once it is known what the log has of each: something failed, or is unusual in one.

    Of all at once: there is no index by run, so a look for one passes over what all have said since it began.
    """
    runs = [append.run for append in appends]
    with transaction.atomic():
        tokens = dict(Run.objects.select_for_update().filter(id__in=runs).values_list("id", "token"))
        # The `1` is no parameter: SQLite would not know that the index of first events has it.
        begun = RunEvent.objects.extra(where=["chat_runevent.seq = 1"]).filter(run_id__in=runs)
        first = begun.aggregate(first=Min("id"))["first"] or 0
        rows = RunEvent.objects.filter(id__gte=first, run_id__in=runs)
        counted = rows.values_list("run_id").annotate(Count("seq"), Max("seq"))
        # Where one is missing in between, nothing fits any more.
        there = {run: count if count == last else None for run, count, last in counted}
        late: dict[UUID, list[bytes]] = {}
        after = {append.run: append.after for append in appends if (there.get(append.run) or 0) > append.after}
        newer = RunEvent.objects.filter(id__gt=mark, run_id__in=list(after)).order_by("id")
        for run, seq, data in newer.values_list("run_id", "seq", "data"):
            if seq > after[run]:
                late.setdefault(run, []).append(data.encode())
        return [
            _append_one(append, there.get(append.run, 0), late.get(append.run, []))
            if tokens.get(append.run) == append.token
            else Appended.REFUSED
            for append in appends
        ]


def _append_one(append: Append, there: int | None, late: list[bytes]) -> Appended:
    """Write one run's events, of whose log there are `there` events; `late` are those after the place of this write."""
    if late == list(append.events):
        return Appended.WRITTEN
    if there != append.after:
        return Appended.MISMATCH
    try:
        with transaction.atomic():
            _create(append.run, append.after, append.events)
    except (OperationalError, InterfaceError):
        raise
    except Error:
        return Appended.MISMATCH
    return Appended.WRITTEN


def _replace(run: UUID, token: UUID, events: Sequence[bytes]) -> Appended:
    with transaction.atomic():
        if not Run.objects.select_for_update().filter(id=run, token=token).exists():
            return Appended.REFUSED
        RunEvent.objects.filter(run=run).delete()
        _create(run, 0, events)
        return Appended.WRITTEN


def _create(run: UUID, after: int, events: Sequence[bytes]) -> None:
    RunEvent.objects.bulk_create(
        RunEvent(run_id=run, seq=seq, data=data.decode()) for seq, data in enumerate(events, after + 1)
    )


def _read(run: UUID, after: int = 0) -> list[bytes]:
    events: list[bytes] = []
    with connection.cursor() as cursor:
        cursor.execute(_READ, [_id(run), after, _id(run)])
        for expected, (seq, data) in enumerate(cursor, after + 1):
            if seq != expected:
                break
            events.append(data.encode())
    return events
