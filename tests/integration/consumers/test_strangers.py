"""Another person's chat is answered in every way as one that does not exist."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest

from tests.people import new_person, script
from tests.server import ServerProcess
from tests.wire import Wire

COMMANDS = {
    "open": ("chat.open", {"chat": "{chat}"}),
    "open with cursors": ("chat.open", {"chat": "{chat}", "version": 1, "runs": {"{run}": 1}}),
    "send": ("message.send", {"chat": "{chat}", "text": "Let me in", "client_id": "m"}),
    "edit": ("message.edit", {"chat": "{chat}", "message": "{message}", "text": "Let me in", "client_id": "m"}),
    "retry": ("message.retry", {"chat": "{chat}", "message": "{reply}", "client_id": "m"}),
    "continue": ("message.continue", {"chat": "{chat}", "message": "{reply}", "client_id": "m"}),
    "choose": ("message.choose", {"chat": "{chat}", "message": "{reply}"}),
    "stop": ("run.stop", {"run": "{run}"}),
}
REQUESTS = {
    "get": ("GET", "chats/{chat}", None),
    "rename": ("PATCH", "chats/{chat}", {"title": "Mine"}),
    "archive": ("PATCH", "chats/{chat}", {"archived": True}),
    "change nothing": ("PATCH", "chats/{chat}", {}),
    "delete": ("DELETE", "chats/{chat}", None),
    "restore": ("POST", "chats/{chat}/restore", None),
    "messages": ("GET", "chats/{chat}/messages", None),
    "older messages": ("GET", "chats/{chat}/messages?before=2", None),
    "message": ("GET", "chats/{chat}/messages/{reply}", None),
    "send": ("POST", "chats/{chat}/messages", {"text": "Let me in", "client_id": "m"}),
    "stop": ("POST", "runs/{run}/stop", None),
}


class Target:
    """A chat with a live run, as ids to put into commands."""

    def __init__(self, chat: str, message: str, reply: str, run: str) -> None:
        self.ids = {"chat": chat, "message": message, "reply": reply, "run": run}

    def put(self, template: str) -> str:
        for name, value in self.ids.items():
            template = template.replace(f"{{{name}}}", value)
        return template


@pytest.fixture(scope="module")
def theirs(server: ServerProcess) -> Target:
    """A chat of someone else, in the middle of a reply."""
    owner = new_person(server)
    chat = asyncio.run(owner.new_chat())
    asked = {"text": script(words=3, delay=0, hang_after=1), "client_id": "m"}
    sent = json.loads(owner.call("POST", f"chats/{chat}/messages", asked).body)
    return Target(chat, sent["message"], sent["reply"], sent["run"])


@pytest.fixture
def nobodys() -> Target:
    """A chat that does not exist."""
    return Target(*(str(uuid4()) for _ in range(4)))


@pytest.mark.parametrize(("kind", "fields"), COMMANDS.values(), ids=COMMANDS)
async def test_a_command_for_it_is_answered_as_for_none(
    server: ServerProcess, theirs: Target, nobodys: Target, kind: str, fields: dict[str, object]
) -> None:
    async with Wire(new_person(server)) as wire:
        answers = []
        for target in (theirs, nobodys):
            refusal = await wire.refusal(kind, **json.loads(target.put(json.dumps(fields))))
            answers.append({**refusal, "id": ""})
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "not_found"
        # Closing what is not open changes nothing, so it is no error; nor does it tell anything.
        for target in (theirs, nobodys):
            assert (await wire.ask("chat.close", chat=target.ids["chat"])).keys() == {"type", "id"}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_for_it_is_answered_as_for_none(
    server: ServerProcess, theirs: Target, nobodys: Target, request_: tuple[str, str, object]
) -> None:
    method, path, body = request_
    stranger = new_person(server)
    answers = [stranger.call(method, target.put(path), body) for target in (theirs, nobodys)]
    assert answers[0].status == 404
    assert (answers[0].status, answers[0].body) == (answers[1].status, answers[1].body)
    assert json.loads(answers[0].body)["code"] == "not_found"


def test_nothing_of_it_is_in_a_strangers_list(server: ServerProcess, theirs: Target) -> None:
    stranger = new_person(server)
    assert json.loads(stranger.call("GET", "chats").body)["chats"] == []


def test_nothing_of_it_was_changed(server: ServerProcess, theirs: Target) -> None:
    assert server.execute("SELECT title, archived, deleted_at FROM chat_chat") == [("A chat", False, None)]
    assert server.execute("SELECT count(*) FROM chat_message") == [(2,)]
    assert server.execute("SELECT status, stop_requested FROM chat_run") == [("running", False)]
