"""The lock that keeps a second worker away from a database whose log and notes live in one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from django.conf import settings


class AlreadyRunning(Exception):
    """Another worker serves this database; the text says what to do."""


class WorkerLock:
    """Held from start to end of a worker that has no Redis. However the process dies, the system frees it."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock. Does nothing with `REDIS_URL` set, or for a database that is not a file. Raises
        `AlreadyRunning`.
        """
        database = settings.DATABASES["default"]
        if settings.REDIS_URL or not database["ENGINE"].endswith("sqlite3") or "memory" in str(database["NAME"]):
            return
        path = Path(f"{database['NAME']}.lock")
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise AlreadyRunning(
                f"Another worker (process {holder}) already serves the database {database['NAME']}. Stop it first. "
                "To run several workers, set REDIS_URL (and DATABASE_URL to Postgres), so that they can share work."
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None
