"""Several workers as in a deployment, on this machine alone: Postgres, Redis, `manage.py serve` twice, Caddy in front.

`make cluster` runs it until Ctrl-C; the fault tests kill its parts. All of it listens on loopback only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.http import fetch
from tests.server import ServerProcess
from tests.services import Postgres, Service, Valkey, free_port

AGENTS = ("AGENTS", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")
CADDYFILE = """\
{
	admin off
	auto_https off
	persist_config off
	log {
		level WARN
	}
}
http://:%(port)d {
	bind 127.0.0.1
	reverse_proxy %(workers)s {
		lb_policy least_conn
		lb_try_duration 5s
		health_uri /readyz
		health_interval 1s
		health_timeout 2s
		fail_duration 2s
	}
}
"""


class Balancer(Service):
    """Caddy before several workers: new connections go to those that say they are ready."""

    def __init__(self, workers: Sequence[ServerProcess], port: int = 0) -> None:
        super().__init__()
        self.port = port or free_port()
        self._workers = workers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return fetch(self.url + "healthz").status == 200
        return False

    def _launch(self) -> None:
        workers = " ".join(f"127.0.0.1:{worker.port}" for worker in self._workers)
        caddyfile = self.directory / "Caddyfile"
        caddyfile.write_text(CADDYFILE % {"port": self.port, "workers": workers})
        program = shutil.which("caddy", path=str(Path(sys.executable).parent)) or "caddy"
        self._run(program, "run", "--config", str(caddyfile), "--adapter", "caddyfile")


class Cluster:
    """Workers that share a database of their own on `postgres`, and a Redis.

        with Cluster() as cluster:
            person = new_person(cluster.workers[0])
            cluster.workers[1].kill()

    Without `postgres` it starts one for itself. `env` and `arguments` go to each worker. A worker whose number is in
    `redis_ports` reaches Redis by that port, behind which a test has put something, and with `postgres_ports` likewise.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        postgres: Postgres | None = None,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._count = workers
        self._env = dict(env or {})
        self._arguments = arguments
        self._stack = contextlib.ExitStack()
        self.valkey = Valkey()
        self._own_postgres = postgres is None
        self.postgres = postgres or Postgres()
        self.workers: list[ServerProcess] = []
        self.redis_ports: dict[int, int] = {}
        self.postgres_ports: dict[int, int] = {}
        self.database_url = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.valkey)
            if self._own_postgres:
                stack.enter_context(self.postgres)
            self.database_url = self.postgres.databases.new()
            if not self._own_postgres:
                stack.callback(self.postgres.databases.drop, self.database_url)
            self.workers = [self._worker(number) for number in range(self._count)]
            with ThreadPoolExecutor(self._count) as starting:
                list(starting.map(stack.enter_context, self.workers))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def join(self, env: Mapping[str, str] | None = None) -> ServerProcess:
        """Start one more worker, with `env` beside what the others have."""
        worker = self._stack.enter_context(self._worker(len(self.workers), env or {}))
        self.workers.append(worker)
        return worker

    def balance(self, port: int = 0) -> Balancer:
        """Put a balancer before the workers that there are."""
        return self._stack.enter_context(Balancer(self.workers, port))

    def _worker(self, number: int, env: Mapping[str, str] = MappingProxyType({})) -> ServerProcess:
        port = self.redis_ports.get(number, self.valkey.port)
        urls = {"DATABASE_URL": self.database_url, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        if number in self.postgres_ports:
            name = urlsplit(self.database_url).path
            urls["DATABASE_URL"] = f"postgres://postgres@127.0.0.1:{self.postgres_ports[number]}{name}"
        return ServerProcess(embedded=False, env={**urls, **self._env, **env}, arguments=self._arguments)


def main() -> None:
    """Run a cluster until a signal ends it. Agents are those of the environment; PORT is the balancer's."""
    agents = {name: os.environ[name] for name in AGENTS if name in os.environ}
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with Cluster(env=agents) as cluster:
        balancer = cluster.balance(int(os.environ.get("PORT") or 0))
        for name, value in {
            "Postgres": cluster.database_url,
            "Redis": cluster.valkey.url(),
            **{f"worker {number}": worker.url for number, worker in enumerate(cluster.workers, 1)},
            "balancer": balancer.url,
        }.items():
            print(f"{name:10} {value}", flush=True)  # noqa: T201  # what this command is there to say
        print(f"Polylogue is at {balancer.url} (Ctrl-C ends all of it)", flush=True)  # noqa: T201  # likewise
        signal.pause()


if __name__ == "__main__":
    main()
