"""The balancer's own configuration, before two real workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests import TIMEOUT
from tests.http import cookies_of, fetch
from tests.process import ROOT
from tests.server import ServerProcess
from tests.services import Service, databases, free_port, new_redis

pytestmark = pytest.mark.timeout(8 * TIMEOUT)

PROBE_PERIOD = 3
"""Seconds; more than the balancer's probes are apart."""


class Balancer(Service):
    """Caddy with deploy/Caddyfile, over plain HTTP and on loopback."""

    def __init__(self, *workers: ServerProcess) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{free_port()}"
        upstreams = " ".join(f"127.0.0.1:{worker.port}" for worker in workers)
        options = "default_bind 127.0.0.1\npersist_config off"
        self._settings = {"SITE": self.url, "UPSTREAMS": upstreams, "CADDY_OPTIONS": options}

    def answers(self) -> bool:
        try:
            return fetch(f"{self.url}/healthz").status == 200
        except OSError:
            return False

    def _launch(self) -> None:
        program = shutil.which("caddy", path=str(Path(sys.executable).parent))
        env = shutil.which("env")
        assert program, "caddy is not installed"
        assert env
        settings = [f"{name}={value}" for name, value in self._settings.items()]
        caddyfile = str(ROOT / "deploy/Caddyfile")
        self._run(env, *settings, program, "run", "--adapter", "caddyfile", "--config", caddyfile)


@pytest.fixture(scope="module")
def workers() -> Iterator[tuple[ServerProcess, ServerProcess]]:
    database = databases().new()
    env = {"DATABASE_URL": database, "REDIS_URL": new_redis(), "TRUST_PROXY": "on", "GUESTS_PER_HOUR": "1"}
    arguments = ["--probe-period", str(PROBE_PERIOD), "--drain", "1"]
    first, second = (ServerProcess(env=env, arguments=arguments, embedded=False) for _ in range(2))
    with first, second:
        yield first, second
    databases().drop(database)


@pytest.fixture
def balancer(workers: tuple[ServerProcess, ServerProcess]) -> Iterator[Balancer]:
    with Balancer(*workers) as service:
        yield service


async def test_pages_and_sockets_pass_with_the_name_that_the_browser_asked_for(balancer: Balancer) -> None:
    page = fetch(balancer.url)
    assert page.status == 200
    assert "worker=" in page.headers["set-cookie"], "its files come from the same worker"
    headers = {"Cookie": cookies_of(page)}
    socket = balancer.url.replace("http", "ws") + "/ws/"
    async with connect(socket, origin=Origin(balancer.url), additional_headers=headers, proxy=None) as wire:
        assert json.loads(await wire.recv())["type"] == "hello"


def test_a_client_cannot_choose_the_address_that_it_is_counted_by(balancer: Balancer) -> None:
    for number in (1, 2):
        answer = fetch(balancer.url, headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert answer.status == 429


def test_a_worker_that_drains_gets_no_more_requests_and_none_fails(
    balancer: Balancer, workers: tuple[ServerProcess, ServerProcess]
) -> None:
    leaving, _ = workers
    os.kill(leaving.pid, signal.SIGTERM)
    assert leaving.process is not None
    deadline = time.monotonic() + 2 * TIMEOUT
    answers = set()
    while leaving.process.poll() is None:
        assert time.monotonic() < deadline
        answers.add(fetch(f"{balancer.url}/accounts/login/").status)
    answers.update(fetch(f"{balancer.url}/accounts/login/").status for _ in range(20))
    assert answers == {200}
