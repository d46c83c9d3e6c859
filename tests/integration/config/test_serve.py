"""`manage.py serve` as a process: what it answers, what it refuses, how it ends."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from config.server import OPEN_FILES
from tests import TIMEOUT
from tests.http import fetch
from tests.process import clean_environment, manage
from tests.server import ServerProcess
from tests.services import CLUSTER, databases

ELSEWHERE = {"Host": "10.1.2.3:8000"}


@contextlib.contextmanager
def opened(server: ServerProcess) -> Iterator[ClientConnection]:
    """A socket of a new guest that has been told hello."""
    headers = {"Cookie": server.guest()}
    with connect(server.ws_url, origin=Origin(server.origin), additional_headers=headers) as client:
        assert '"hello"' in str(client.recv(TIMEOUT))
        yield client


def refusal(server: ServerProcess, path: str = "", origin: str | None = None) -> int:
    """The status with which a handshake is refused."""
    headers = {"Cookie": server.guest()}
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(server.ws_url + path, origin=Origin(origin) if origin else None, additional_headers=headers),
    ):
        pass
    return refused.value.response.status_code


def close_code(client: ClientConnection) -> int | None:
    """The code with which the server closes; frames before it are skipped."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            client.recv(TIMEOUT)
    return client.close_code


class TestAnswers:
    def test_probes_come_by_address_and_over_plain_http(self) -> None:
        with ServerProcess(env={"HTTPS": "on", "ALLOWED_HOSTS": "chat.example.org"}) as server:
            assert fetch(server.url + "healthz", headers=ELSEWHERE).text == "ok"
            assert fetch(server.url + "readyz", headers=ELSEWHERE).text == "ready"
            page = fetch(server.url, headers={"Host": "chat.example.org"})
            assert (page.status, page.headers["location"]) == (301, "https://chat.example.org/")

    def test_a_proxy_that_is_trusted_ends_the_redirect(self) -> None:
        with ServerProcess(env={"HTTPS": "on", "TRUST_PROXY": "on"}) as server:
            page = fetch(server.url, headers={"X-Forwarded-Proto": "https"})
            assert page.status == 200
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            assert "Secure" in page.headers["set-cookie"]

    def test_a_foreign_host_gets_no_page(self, server: ServerProcess) -> None:
        assert fetch(server.url, headers=ELSEWHERE).status == 400

    def test_static_files_are_hashed_compressed_and_kept_for_ever(self, server: ServerProcess) -> None:
        page = fetch(server.url + "accounts/login/").text
        found = re.search(r'href="/(static/accounts/login\.[0-9a-f]{12}\.css)"', page)
        assert found
        answer = fetch(server.url + found[1], headers={"Accept-Encoding": "br"})
        assert answer.status == 200
        assert answer.headers["content-encoding"] == "br"
        assert answer.headers["content-type"].startswith("text/css")
        assert "immutable" in answer.headers["cache-control"]

    def test_browser_libraries_are_served_as_scripts_and_nothing_else_of_node_modules_is(
        self, server: ServerProcess
    ) -> None:
        answer = fetch(server.url + "static/vendor/preact/preact.mjs")
        assert (answer.status, answer.headers["content-type"]) == (200, 'text/javascript; charset="utf-8"')
        assert fetch(server.url + "static/vendor/preact/preact.mjs.map").status == 200
        assert fetch(server.url + "static/vendor/preact/package.json").status == 404

    def test_plain_http_at_the_socket_is_told_what_it_is(self, server: ServerProcess) -> None:
        answer = fetch(server.url + "ws/")
        assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")


class TestSockets:
    def test_the_page_of_this_server_may_connect(self, server: ServerProcess) -> None:
        with opened(server) as client:
            assert client.ping().wait(TIMEOUT)

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", None])
    def test_other_pages_are_refused(self, server: ServerProcess, origin: str | None) -> None:
        # What is no address at all, the server's own parser answers, with a 400.
        assert refusal(server, origin=origin) in {400, 403}

    def test_an_unknown_path_gets_a_403_and_no_traceback(self, server: ServerProcess) -> None:
        assert refusal(server, "nothing/here", server.origin) == 403
        assert "Traceback" not in server.log

    @pytest.mark.parametrize(("frame", "code"), [("x" * 2_000_000, 1009), (b"\xff\xfe", 1007)])
    def test_a_frame_that_cannot_be_read_closes_its_own_socket_only(
        self, server: ServerProcess, frame: str | bytes, code: int
    ) -> None:
        with opened(server) as offender, opened(server) as bystander:
            offender.send(frame, text=True)
            assert close_code(offender) == code
            assert bystander.ping().wait(TIMEOUT)


class TestTheEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_well(self, number: int) -> None:
        with ServerProcess() as server, opened(server) as client:
            assert server.terminate(number) == 0
            assert close_code(client) == 4503
            assert "Traceback" not in server.log

    def test_sigint_does_not_wait(self) -> None:
        with ServerProcess(arguments=["--drain", "60", "--probe-period", "60"]) as server:
            before = time.monotonic()
            assert server.terminate(signal.SIGINT) == 0
            assert time.monotonic() - before < TIMEOUT

    def test_after_sigterm_it_listens_for_one_more_probe_and_says_that_it_is_not_ready(self) -> None:
        with ServerProcess(arguments=["--probe-period", "2"]) as server:
            server.process.terminate()  # type: ignore[union-attr]  # it is running
            answers = list(_readiness(server))
            assert answers[-1] == 503
            assert server.process.wait(TIMEOUT) == 0  # type: ignore[union-attr]  # likewise

    def test_a_second_signal_ends_it_at_once(self) -> None:
        with ServerProcess(arguments=["--probe-period", "60"]) as server:
            server.process.terminate()  # type: ignore[union-attr]  # it is running
            while fetch(server.url + "readyz").status == 200:
                time.sleep(0.01)
            before = time.monotonic()
            assert server.terminate() == 0
            assert time.monotonic() - before < TIMEOUT
            assert "Traceback" not in server.log


def _readiness(server: ServerProcess) -> Iterator[int]:
    """The statuses of `/readyz` until nobody listens any more."""
    while True:
        try:
            yield fetch(server.url + "readyz").status
        except OSError:
            return
        time.sleep(0.05)


class TestTheStart:
    def test_a_port_in_use_is_said_in_one_sentence(self) -> None:
        with _listener() as port:
            done = manage("serve", "--port", str(port), env=clean_environment())
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            f"Port {port} on 127.0.0.1 is in use. Stop what uses it, or choose another with PORT."
        ]

    def test_a_host_that_is_not_here_is_said_in_one_sentence(self) -> None:
        done = manage("serve", "--host", "192.0.2.1", "--port", "0", env=clean_environment())
        assert done.returncode == 1
        assert re.fullmatch(r"Cannot listen on 192\.0\.2\.1 port 0: .+\.\n", done.stderr)

    def test_without_a_key_it_refuses_and_says_what_to_do(self) -> None:
        env = clean_environment()
        del env["SECRET_KEY"]
        done = manage("serve", "--port", "0", env=env)
        assert done.returncode == 1
        assert done.stderr.startswith("SECRET_KEY is not set. Set it to a long random text")
        assert "Traceback" not in done.stderr

    def test_without_redis_a_second_worker_on_the_same_database_is_refused(self) -> None:
        with ServerProcess(embedded=True) as server:
            second = server.manage("serve", "--port", "0")
            assert second.returncode == 1
            assert "REDIS_URL" in second.stdout
            assert "Traceback" not in second.stdout + second.stderr
            assert fetch(server.url + "readyz").status == 200

    def test_a_low_limit_on_open_files_is_raised_as_far_as_it_may_be(self) -> None:
        # Less than the soft limit with which containers are often started.
        shell = 'ulimit -S -n 256 && exec "$0" manage.py serve --port 0'
        with ServerProcess() as server:
            server.terminate()
            server.launch("sh", "-c", shell, sys.executable)
            limits = Path(f"/proc/{server.pid}/limits").read_text()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft = re.search(r"Max open files +(\d+)", limits)
        assert soft is not None
        assert int(soft[1]) == min(OPEN_FILES, hard)

    def test_an_empty_database_is_said_in_a_sentence(self) -> None:
        with ServerProcess() as server:
            server.terminate()
            empty = databases().new(migrated=False) if CLUSTER else f"sqlite:///{server.directory}/empty.sqlite3"
            done = manage("serve", "--port", "0", env=server.env | {"DATABASE_URL": empty})
            assert done.returncode == 1
            assert "migrate" in done.stdout
            assert "Traceback" not in done.stdout + done.stderr


@contextlib.contextmanager
def _listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])
