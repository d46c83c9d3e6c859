"""A real `manage.py serve` in a process of its own, for tests of what exists only there."""

from __future__ import annotations

import atexit
import functools
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import environ
import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from tests import TIMEOUT
from tests.http import cookies_of, fetch
from tests.process import ROOT, clean_environment, manage
from tests.services import CLUSTER, databases, new_redis

ANNOUNCEMENT = "Polylogue is at "


@functools.cache
def _migrated_database() -> Path:
    """An empty database with all tables, made once per test run and copied from then on."""
    path = Path(tempfile.mkdtemp(prefix="polylogue-template-")) / "db.sqlite3"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    done = manage("migrate", "-v0", env=clean_environment(DATABASE_URL=f"sqlite:///{path}"))
    assert done.returncode == 0, done.stderr
    return path


class ServerProcess:
    """A server on a free loopback port with a database of its own, and with `STACK=cluster` a Redis of its own too.

        with ServerProcess(env={"GUESTS": "off"}) as server:
            requests.get(server.url + "healthz")
            server.kill()      # as kill -9 does
            server.start()     # again: same port, same database

    `command` is `serve`, or `run` to have the database made by it too. `env` adds to or replaces settings, `arguments`
    go to the command; with DATABASE_URL in `env` that database is used as it is. `embedded`: on a SQLite file, alone.
    Leaving the block ends the process and removes its own database.
    """

    def __init__(
        self,
        *,
        command: str = "serve",
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        embedded: bool = not CLUSTER,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="polylogue-server-"))
        self.database = self.directory / "db.sqlite3"
        self.embedded = embedded or command == "run"
        self.env = clean_environment(DATABASE_URL=f"sqlite:///{self.database}") | dict(env or {})
        self.arguments = [command, *arguments]
        self._own_database = "DATABASE_URL" not in (env or {})
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._log = self.directory / "server.log"

    def __enter__(self) -> Self:
        try:
            if self._own_database and not self.embedded:
                self.env |= {"DATABASE_URL": databases().new(), "REDIS_URL": new_redis()}
            elif self._own_database and self.arguments[0] == "serve":
                shutil.copy(_migrated_database(), self.database)
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            print(f"--- log of the server at {self.url}\n{self.log}")  # noqa: T201  # pytest shows it with the failure
        self._remove()

    def start(self) -> None:
        """Start the process and return once it listens; raises `AssertionError` with its log when it does not."""
        self.launch(sys.executable, "manage.py", *self.arguments, "--port", str(self.port))

    def launch(self, *command: str) -> None:
        """Like `start`, with another command line that leads to the same announcement."""
        offset = len(self.log)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 4 * TIMEOUT  # the first one of all collects the static files
        while ANNOUNCEMENT not in (said := self.log[offset:]):
            ended = self.process.poll()
            assert ended is None, f"The server ended with {ended}:\n{said}"
            assert time.monotonic() < deadline, f"The server did not start:\n{said}"
            time.sleep(0.02)
        address = said.split(ANNOUNCEMENT, 1)[1].split()[0]
        self.port = int(address.rstrip("/").rsplit(":", 1)[1])

    @property
    def url(self) -> str:
        """Of the page, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def ws_url(self) -> str:
        """Of the socket."""
        return f"ws://127.0.0.1:{self.port}/ws/"

    @property
    def origin(self) -> str:
        """What a browser that has the page open sends as its Origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything that the process, and those before it, have printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @functools.cached_property
    def dialect(self) -> BaseDatabaseWrapper:
        """Turns values into what this server's database takes; it is never connected."""
        config = environ.Env.db_url_config(self.env["DATABASE_URL"])
        return ConnectionHandler({"default": dict(config)})["default"]

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement, with `%s` for each of `values`, on the server's database, and return its rows."""
        with closing(self._connected()) as database, database:
            rows = database.execute(statement.replace("%s", "?") if self.embedded else statement, values)
            return list(rows.fetchall()) if rows.description else []

    def _connected(self) -> Any:
        if self.embedded:
            return sqlite3.connect(self.database, timeout=TIMEOUT)
        return psycopg.connect(self.env["DATABASE_URL"])

    def guest(self) -> str:
        """The Cookie header of a new guest."""
        return cookies_of(fetch(self.url))

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another management command on the same database."""
        return manage(*arguments, env=self.env)

    def kill(self) -> None:
        """End the process as kill -9 does; returns when it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self, number: int = signal.SIGTERM, *, timeout: float = 2 * TIMEOUT) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def _remove(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self._own_database and not self.embedded and self.env["DATABASE_URL"].startswith("postgres"):
            databases().drop(self.env["DATABASE_URL"])
        shutil.rmtree(self.directory, ignore_errors=True)
