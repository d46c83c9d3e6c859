"""Without Redis a worker is alone on its Postgres: a second is refused, and one that was overtaken takes no work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from chat.runs.lock import KEY
from tests import TIMEOUT
from tests.http import fetch
from tests.people import new_person
from tests.process import manage
from tests.server import ServerProcess
from tests.services import databases

pytestmark = pytest.mark.timeout(8 * TIMEOUT)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    database = databases().new()
    with ServerProcess(env={"DATABASE_URL": database, "REDIS_URL": ""}, embedded=False) as process:
        yield process
    databases().drop(database)


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2 * TIMEOUT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_worker_is_told_what_to_do(server: ServerProcess) -> None:
    second = manage("serve", "--port", "0", env=server.env)
    assert second.returncode == 1
    assert f"process {server.pid} on " in second.stdout
    assert "To run several workers, set REDIS_URL" in second.stdout
    assert "Traceback" not in second.stdout + second.stderr


async def test_who_was_overtaken_takes_no_messages_until_it_has_the_lock_again(server: ServerProcess) -> None:
    person = new_person(server)
    chat = await person.new_chat()
    with psycopg.connect(server.env["DATABASE_URL"], autocommit=True) as other, server_connection(server) as admin:
        waiting = threading.Thread(target=other.execute, args=[f"SELECT pg_advisory_lock({KEY})"])
        waiting.start()
        queue = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: admin.execute(queue).rowcount == 1)
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        waiting.join(TIMEOUT)
        eventually(lambda: fetch(server.url + "readyz").status == 503)
        assert fetch(server.url + "healthz").status == 200
        answer = person.call("POST", f"chats/{chat}/messages", {"text": "Hello", "client_id": "one"})
        assert answer.status == 503
        assert '"draining"' in answer.text
    eventually(lambda: fetch(server.url + "readyz").status == 200)
    assert "/readyz" not in server.log, "probes are no errors"
    assert person.call("POST", f"chats/{chat}/messages", {"text": "Hello", "client_id": "one"}).status < 300


def server_connection(server: ServerProcess) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.env["DATABASE_URL"], autocommit=True)
