"""`manage.py run`: the local model as a child process, and what happens without one."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from config import local_model
from tests import TIMEOUT
from tests.process import clean_environment, manage
from tests.server import ServerProcess


@contextmanager
def running(**env: str) -> Iterator[ServerProcess]:
    """A server as `make run` starts it."""
    with ServerProcess(command="run", env=env) as server:
        yield server


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be read by its parent counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while is_running(pid):
        assert time.monotonic() < deadline, f"{pid} is still there."
        time.sleep(0.02)


class Talk:
    """The few commands that a chat takes."""

    def __init__(self, client: ClientConnection) -> None:
        self.client = client

    def ask(self, kind: str, **fields: str) -> dict[str, Any]:
        """Send a command and return its ack."""
        self.client.send(json.dumps({"type": kind, "id": kind, **fields}))
        while (frame := self.receive()).get("id") != kind:
            pass
        assert frame["type"] == "ack", frame
        return frame

    def receive(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.client.recv(2 * TIMEOUT))
        return frame

    def reply_to(self, text: str) -> tuple[str, str]:
        """The whole reply in a new chat, and the type of the event that ended it."""
        chat = self.ask("chat.create", client_id="chat")["chat"]["id"]
        self.ask("chat.open", chat=chat)
        self.client.send(
            json.dumps({"type": "message.send", "id": "send", "chat": chat, "client_id": "message", "text": text})
        )
        said = ""
        while True:
            for event in self.receive().get("events", []):
                said += event.get("delta", "") if event["type"] == "TEXT_MESSAGE_CONTENT" else ""
                if event["type"] in {"RUN_FINISHED", "RUN_ERROR"}:
                    return said, event["type"]


@contextmanager
def talk(server: ServerProcess) -> Iterator[Talk]:
    headers = {"Cookie": server.guest()}
    with connect(server.ws_url, origin=Origin(server.origin), additional_headers=headers) as client:
        yield Talk(client)


def test_a_new_database_and_a_real_model_are_there_without_any_setting() -> None:
    with running() as server, talk(server) as chat:
        said, end = chat.reply_to("Say one short sentence about the sea.")
        assert end == "RUN_FINISHED"
        assert len(said.split()) > 2
        assert "scripted" not in server.log
        (model,) = children_of(server.pid)
        assert server.terminate(signal.SIGINT) == 0
        until_gone(model)
        assert "Traceback" not in server.log


def test_the_model_does_not_outlive_a_killed_server() -> None:
    with running() as server:
        (model,) = children_of(server.pid)
        server.kill()
        until_gone(model)


def test_an_address_of_another_model_starts_none() -> None:
    with running(OPENAI_BASE_URL="http://127.0.0.1:9/v1") as server:
        assert children_of(server.pid) == []
        assert "model" not in server.log


def test_a_taken_port_is_said_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = manage("run", "--port", port, env=clean_environment(DATABASE_URL="sqlite:////nowhere/db.sqlite3"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is in use" in done.stderr


def test_a_model_that_does_not_start_is_noticed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_model, "MODULE", "no_such_module")
    child = local_model.Child(log=tmp_path / "log")
    before = time.monotonic()
    assert not child.wait_until_ready()
    assert time.monotonic() - before < TIMEOUT
    child.stop()
    assert "no_such_module" in (tmp_path / "log").read_text()


def test_without_the_model_a_scripted_agent_answers_and_says_so() -> None:
    """The packages are hidden from the process as they would be on a machine for which there is no wheel."""
    hide = (
        "import sys; sys.modules['xllamacpp'] = None; sys.argv[:] = ['manage.py', 'run', '--port', '0']; "
        "import manage; manage.main()"
    )
    with ServerProcess(command="run") as server:
        server.terminate()
        server.launch(sys.executable, "-c", hide)
        assert "so a scripted agent answers" in server.log
        with talk(server) as chat:
            said, end = chat.reply_to("Hello?")
        assert end == "RUN_FINISHED"
        assert said


def test_the_model_ends_with_its_standard_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", local_model.MODULE, "--port", str(local_model.free_port())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(TIMEOUT) == 0
