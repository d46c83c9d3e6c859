"""The lock that keeps a second worker away from a database whose log and notes live in one process.

Workers that share a Redis need none. A SQLite file has a lock file beside it; a Postgres database has an advisory lock,
held by a connection of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.protocol.codes import Unavailable

logger = logging.getLogger(__name__)

KEY = 0x706F6C796C6F6775
"""Of the advisory lock: "polylogu". Such locks belong to one database, so that it need not name it."""


class AlreadyRunning(Exception):
    """Another worker serves this database; the text says what to do."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"Another worker (process {holder}) already serves the database {settings.DATABASES['default']['NAME']}. "
            "Stop it first. To run several workers, set REDIS_URL (and DATABASE_URL to Postgres), so that they can "
            "share work."
        )


class WorkerLock:
    """Held from start to end of a worker. This one is for workers that share a Redis, and for databases in memory: it
    keeps nobody away. Its methods may wait for a database, so they are called in a thread.
    """

    def take(self) -> None:
        """Take the lock. Raises `AlreadyRunning`, or `Unavailable` where the database does not answer."""

    def keep(self) -> None:
        """Make sure that it is still held, and take it again where it was lost. Raises what `take` raises."""

    def release(self) -> None:
        """Give the lock back. However the process dies, the system does it."""


def worker_lock() -> WorkerLock:
    """The lock that this process needs, by the settings."""
    database = settings.DATABASES["default"]
    if settings.REDIS_URL:
        return WorkerLock()
    if database["ENGINE"].endswith("postgresql"):
        return PostgresLock()
    name = str(database["NAME"])
    return WorkerLock() if name == ":memory:" or "mode=memory" in name else FileLock(Path(f"{name}.lock"))


class FileLock(WorkerLock):
    """A file that holds the number of the process. The system keeps the lock as long as the process lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> None:
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise AlreadyRunning(holder) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class PostgresLock(WorkerLock):
    """An advisory lock. The server keeps it as long as the connection lives, so a restart of the server frees it."""

    def __init__(self) -> None:
        self._connection: BaseDatabaseWrapper | None = None

    def take(self) -> None:
        apart = connections["default"].copy()
        apart.settings_dict["OPTIONS"].pop("pool", None)
        apart.inc_thread_sharing()
        try:
            holder = _try(apart)
        except (OperationalError, InterfaceError) as error:
            apart.close()
            raise Unavailable from error
        if holder is not None:
            apart.close()
            raise AlreadyRunning(holder)
        self._connection = apart

    def keep(self) -> None:
        if self._connection is not None:
            if self._connection.is_usable():
                return
            self.release()
            logger.warning("the connection that locks the database was lost")
        self.take()
        logger.warning("the database is locked again")

    def release(self) -> None:
        if self._connection is None:
            return
        # The server sees a closed connection when it gets to it; whoever comes next must not find the lock till then.
        with contextlib.suppress(OperationalError, InterfaceError), self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [KEY])
        self._connection.close()
        self._connection = None


def _try(connection: BaseDatabaseWrapper) -> str | None:
    """Take the lock for as long as `connection` lives: None, or who has it."""
    with connection.cursor() as cursor:
        # The server learns within a minute, not after two hours, that the machine at the other end is gone.
        cursor.execute(
            "SELECT set_config('application_name', %s, false), set_config('tcp_keepalives_idle', '30', false),"
            " set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)",
            [f"{os.getpid()} on {socket.gethostname()[:40]}"],
        )
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [KEY])
        if cursor.fetchone() == (True,):
            return None
        cursor.execute(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " JOIN pg_database ON pg_database.oid = database WHERE pg_database.datname = current_database()"
            " AND locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = %s AND granted",
            [KEY],
        )
        found = cursor.fetchone()
        return str(found[0]) if found else "unknown"
