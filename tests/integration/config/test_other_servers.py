"""The application under servers that are not ours: plain daphne, uvicorn, and WSGI."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tests import TIMEOUT
from tests.http import cookies_of, fetch
from tests.process import ROOT, clean_environment, manage

WSGI = "from wsgiref.simple_server import make_server as m; from config.wsgi import application as a; "

COLLECT = "import django; django.setup(); from config import static; static.collect()"


def environment(directory: Path) -> dict[str, str]:
    """Of a server whose database is in `directory`."""
    return clean_environment(
        DATABASE_URL=f"sqlite:///{directory / 'db.sqlite3'}", DJANGO_SETTINGS_MODULE="config.settings"
    )


@contextmanager
def running(*command: str, port: int, migrated: bool = True) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`command` with a database of its own, from when it listens; and the file with what it says, beside which its
    database is."""
    directory = Path(tempfile.mkdtemp(prefix="polylogue-other-"))
    env = environment(directory)
    if migrated:
        assert manage("migrate", "-v0", env=env).returncode == 0
    # What a deployment does with collectstatic; `serve` does it by itself.
    subprocess.run([sys.executable, "-c", COLLECT], cwd=ROOT, env=env, check=True, timeout=4 * TIMEOUT)
    log = directory / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 2 * TIMEOUT
        while not _answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process, log
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("daphne", "-b", "127.0.0.1", "-p"), id="daphne"),
        pytest.param(("uvicorn", "--host", "127.0.0.1", "--port"), id="uvicorn"),
    ],
)
def test_pages_and_sockets_work_under_plain_asgi_servers(command: Sequence[str], port: int) -> None:
    module, *options = command
    with running(sys.executable, "-m", module, *options, str(port), "config.asgi:application", port=port) as (_, log):
        url = f"http://127.0.0.1:{port}/"
        assert fetch(url + "healthz").text == "ok"
        assert fetch(url + "readyz").text == "ready"
        page = fetch(url)
        assert page.status == 200
        with connect(
            f"ws://127.0.0.1:{port}/ws/",
            origin=Origin(url.rstrip("/")),
            additional_headers={"Cookie": cookies_of(page)},
        ) as client:
            assert '"hello"' in str(client.recv(TIMEOUT))
        assert "Traceback" not in log.read_text()


def test_under_plain_daphne_a_database_that_comes_late_is_used_when_it_is_there(port: int) -> None:
    command = (sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "config.asgi:application")
    with running(*command, port=port, migrated=False) as (_, log):
        url = f"http://127.0.0.1:{port}/"
        refused = fetch(url)
        assert (refused.status, "migrated?" in refused.text) == (503, True)
        assert manage("migrate", "-v0", env=environment(log.parent)).returncode == 0
        assert fetch(url).status == 200


def test_uvicorn_shuts_the_runtime_down(port: int) -> None:
    command = (sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "config.asgi:application")
    with running(*command, port=port) as (process, log):
        assert fetch(f"http://127.0.0.1:{port}/readyz").status == 200
        process.terminate()
        process.wait(2 * TIMEOUT)
        said = log.read_text()
        assert "Application shutdown complete." in said
        assert "Traceback" not in said


def test_wsgi_serves_http_and_says_what_it_cannot(port: int) -> None:
    with running(sys.executable, "-c", f"{WSGI} m('127.0.0.1', {port}, a).serve_forever()", port=port) as (_, log):
        url = f"http://127.0.0.1:{port}/"
        elsewhere = {"Host": "10.1.2.3"}
        assert fetch(url + "healthz", headers=elsewhere).text == "ok"
        assert fetch(url + "readyz", headers=elsewhere).text == "ready"
        assert fetch(url + "accounts/login/").status == 200
        assert fetch(url + "static/accounts/login.css").status == 200
        answer = fetch(url + "ws/")
        assert answer.status == 503
        assert "manage.py serve" in answer.text
        assert "Traceback" not in log.read_text()
