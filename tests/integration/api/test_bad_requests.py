"""What a request may get wrong: each has a status, a code and a sentence, and changes nothing."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from tests.http import Answer, fetch
from tests.people import Person, new_person, script
from tests.server import ServerProcess

NOWHERE = UUID(int=4 << 76)
"""Of no chat; the same each time, since tests are named by it."""

SEND = "chats/{chat}/messages"
GOOD = '"client_id":"m"}'

REQUESTS = {
    "no JSON": ("POST", SEND, "{", 400, "invalid_json"),
    "no body": ("POST", SEND, "", 400, "invalid_json"),
    "an array": ("POST", SEND, "[]", 400, "invalid_command"),
    "deep nesting": ("POST", SEND, "[" * 100_000, 400, "invalid_command"),
    "deep nesting in a field": ("POST", SEND, '{"text":' + "[" * 100_000, 400, "invalid_command"),
    "NaN": ("POST", SEND, '{"text":NaN,' + GOOD, 400, "invalid_json"),
    "NUL": ("POST", SEND, '{"text":"a\\u0000",' + GOOD, 400, "invalid_command"),
    "a lone surrogate": ("POST", SEND, '{"text":"a\\ud800",' + GOOD, 400, "invalid_json"),
    "an extra field": ("POST", SEND, '{"text":"a","colour":"red",' + GOOD, 400, "invalid_command"),
    "a missing field": ("POST", SEND, '{"text":"a"}', 400, "invalid_command"),
    "a client_id of 65 characters": (
        "POST",
        SEND,
        '{"text":"a","client_id":"%s"}' % ("c" * 65),
        400,
        "invalid_command",
    ),
    "an empty message": ("POST", SEND, '{"text":" \\n",' + GOOD, 422, "text_empty"),
    "an unknown agent": ("POST", SEND, '{"text":"a","agent":"nobody",' + GOOD, 422, "unknown_agent"),
    "more than a mebibyte": ("POST", SEND, '{"text":"%s",' % ("x" * (1024 * 1024 + 1)) + GOOD, 413, "text_too_long"),
    "ten megabytes": ("POST", SEND, '{"text":"%s",' % ("x" * 10_000_000) + GOOD, 413, "text_too_long"),
    "an empty title": ("PATCH", "chats/{chat}", '{"title":" "}', 400, "invalid_command"),
    "a title with NUL": ("PATCH", "chats/{chat}", '{"title":"a\\u0000"}', 400, "invalid_command"),
    "a page of none": ("GET", SEND + "?limit=0", "", 400, "invalid_request"),
    "a page that is no number": ("GET", SEND + "?before=x", "", 400, "invalid_request"),
}


@pytest.fixture(scope="module")
def ada(server: ServerProcess) -> Person:
    return new_person(server)


@pytest.fixture(scope="module")
def chat(ada: Person) -> str:
    return asyncio.run(ada.new_chat("Untouched"))


def request(person: Person, method: str, path: str, body: str = "") -> Answer:
    """A request with a body that need not be JSON."""
    return fetch(f"{person.server.url}api/{path}", method=method, headers=person.headers, body=body.encode())


@pytest.mark.parametrize("case", REQUESTS.values(), ids=REQUESTS)
def test_a_bad_request_is_refused_with_a_sentence_and_changes_nothing(
    ada: Person, chat: str, case: tuple[str, str, str, int, str]
) -> None:
    method, path, body, status, code = case
    answer = request(ada, method, path.format(chat=chat), body)
    said = json.loads(answer.body)
    assert (answer.status, said["code"]) == (status, code)
    assert said["message"].endswith(".")
    assert json.loads(request(ada, "GET", f"chats/{chat}/messages").body)["messages"] == []
    assert json.loads(request(ada, "GET", f"chats/{chat}").body)["title"] == "Untouched"


@pytest.mark.parametrize("before", [-1, 0, 10**30])
def test_a_position_that_nothing_has_leaves_a_page_empty_or_whole(ada: Person, chat: str, before: int) -> None:
    answer = request(ada, "GET", f"chats/{chat}/messages?before={before}")
    assert (answer.status, json.loads(answer.body)) == (200, {"messages": [], "earlier": False})
    listed = request(ada, "GET", f"chats?before={before}")
    assert listed.status == 200


def test_a_message_while_one_is_being_answered_is_refused_and_a_repeat_is_not(ada: Person) -> None:
    chat = asyncio.run(ada.new_chat())
    first = {"text": script(words=3, delay=0, hang_after=1), "client_id": "first"}
    sent = ada.call("POST", f"chats/{chat}/messages", first)
    busy = ada.call("POST", f"chats/{chat}/messages", {"text": "more", "client_id": "second"})
    assert (busy.status, json.loads(busy.body)["code"]) == (409, "chat_busy")
    assert ada.call("POST", f"chats/{chat}/messages", first).body == sent.body


def test_a_request_from_another_page_is_refused(ada: Person, chat: str) -> None:
    headers = {name: value for name, value in ada.headers.items() if name != "X-CSRFToken"}
    answer = fetch(f"{ada.server.url}api/chats/{chat}", method="DELETE", headers=headers)
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("path", ["me", "chats", f"chats/{NOWHERE}", f"chats/{NOWHERE}/messages"])
def test_nobody_gets_nothing(server: ServerProcess, path: str) -> None:
    answer = fetch(f"{server.url}api/{path}")
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "signed_out")


def test_nothing_of_all_this_was_a_surprise_to_the_server(server: ServerProcess) -> None:
    assert "Traceback" not in server.log
