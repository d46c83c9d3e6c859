"""A real `manage.py serve` in a process of its own, for tests of what exists only there."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests import TIMEOUT
from tests.http import cookies_of, fetch

ROOT = Path(__file__).resolve().parent.parent
ANNOUNCEMENT = "Polylogue is at "

SETTINGS = {
    *("AGENTS", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG", "DJANGO_SETTINGS_MODULE", "GUESTS"),
    *("GUESTS_PER_HOUR", "HOST", "HTTPS", "LOG_LEVEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "PORT"),
    *("REDIS_URL", "SECRET_KEY", "TRUST_PROXY", "USER_COMMANDS", "USER_RUNS", "USER_SOCKETS"),
}


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without the project's settings, plus what every test process needs, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return {
        **kept,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
        "SECRET_KEY": "only-for-tests-" + 50 * "x",
        "HTTPS": "off",
        "GUESTS_PER_HOUR": "100000",
        "USER_SOCKETS": "100000",
        "USER_COMMANDS": "1000000",
        "USER_RUNS": "100000",
        **extra,
    }


def manage(*arguments: str, env: Mapping[str, str], timeout: float = 4 * TIMEOUT) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end in an environment of exactly `env`; never raises for its exit code."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@functools.cache
def _migrated_database() -> Path:
    """An empty database with all tables, made once per test run and copied from then on."""
    path = Path(tempfile.mkdtemp(prefix="polylogue-template-")) / "db.sqlite3"
    done = manage("migrate", "-v0", env=clean_environment(DATABASE_URL=f"sqlite:///{path}"))
    assert done.returncode == 0, done.stderr
    return path


class ServerProcess:
    """A server on a free loopback port with its own SQLite file.

        with ServerProcess(env={"GUESTS": "off"}) as server:
            requests.get(server.url + "healthz")
            server.kill()      # as kill -9 does
            server.start()     # again: same port, same database

    `command` is `serve`, or `run` to have the database made by it too. `env` adds to or replaces settings, `arguments`
    go to the command. Leaving the block ends the process and removes the database.
    """

    def __init__(
        self, *, command: str = "serve", env: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="polylogue-server-"))
        self.database = self.directory / "db.sqlite3"
        self.env = clean_environment(DATABASE_URL=f"sqlite:///{self.database}") | dict(env or {})
        self.arguments = [command, *arguments]
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._log = self.directory / "server.log"

    def __enter__(self) -> Self:
        if self.arguments[0] == "serve":
            shutil.copy(_migrated_database(), self.database)
        try:
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
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
        shutil.rmtree(self.directory, ignore_errors=True)
