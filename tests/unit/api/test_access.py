"""Who may call what: a session, a token against forgery, and nothing of anyone else's."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import User
from chat.api import api
from chat.database import in_database
from chat.protocol.codes import NotFound
from chat.runtime import Runtime
from tests.caller import Caller
from tests.chats import new_chat, new_user, say

OPERATIONS = [
    (method.upper(), path.removeprefix("/api/"))
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method in methods
]
BODIES: dict[str, Any] = {
    "messages": {"text": "Hi", "client_id": "k"},
    "edit": {"text": "Hi", "client_id": "k"},
    "retry": {"client_id": "k"},
    "continue": {"client_id": "k"},
    "{chat}": {"title": "T"},
    "chats": {"client_id": "k"},
}


def body_for(method: str, path: str) -> Any:
    """One that the operation would take."""
    return BODIES.get(path.rsplit("/", 1)[-1]) if method in ("POST", "PATCH") else None


def filled(path: str, **ids: UUID) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(ids.get(match[1], uuid4())), path)


def test_there_are_operations_to_test() -> None:
    assert {("GET", "me"), ("GET", "chats"), ("POST", "chats/{chat}/messages")} <= set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_nothing_works_without_a_session(runtime: Runtime, method: str, path: str) -> None:
    answer = await Caller().call(method, filled(path), body_for(method, path))
    assert (answer.status, answer.code) == (401, "signed_out")


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if "{" in each[1]])
async def test_what_is_anothers_is_the_same_as_what_is_missing(
    caller: Caller, user: UUID, method: str, path: str
) -> None:
    other = await in_database(new_user)
    chat = await in_database(new_chat, other)
    posted = await in_database(say, other, chat)
    wanted = body_for(method, path)
    foreign = await caller.call(method, filled(path, chat=chat, message=posted.message, run=posted.run), wanted)
    missing = await caller.call(method, filled(path), wanted)
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    assert foreign.body["message"] == NotFound().message


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each[0] != "GET"])
async def test_what_changes_something_needs_the_token_against_forgery(
    user: UUID, runtime: Runtime, method: str, path: str
) -> None:
    caller = await Caller(csrf=True).sign_in(user)
    answer = await caller.call(method, filled(path), body_for(method, path))
    assert (answer.status, answer.code) == (403, "not_allowed")
    assert "X-CSRFToken" in answer.body["message"]


async def test_with_the_token_it_works_and_reading_needs_none(user: UUID, runtime: Runtime) -> None:
    caller = await Caller(csrf=True).sign_in(user)
    token = "c" * 32
    caller.client.cookies["csrftoken"] = token
    made = await caller.call("POST", "chats", {"client_id": "k"}, **{"X-CSRFToken": token})
    assert made.status == 200
    assert (await caller.call("GET", "chats")).body["chats"] == [made.body]
    wrong = await caller.call("POST", "chats", {"client_id": "k"}, **{"X-CSRFToken": "d" * 32})
    assert wrong.status == 403


async def test_me_is_who_is_signed_in(caller: Caller, user: UUID) -> None:
    answer = await caller.call("GET", "me")
    assert answer.status == 200
    assert (answer.body["id"], answer.body["guest"]) == (str(user), False)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("change", ["is_active", "password", "delete"])
async def test_a_session_ends_with_the_person_or_their_password(caller: Caller, user: UUID, change: str) -> None:
    def apply() -> None:
        person = User.objects.get(id=user)
        if change == "delete":
            person.delete()
        elif change == "password":
            person.set_password("another")
            person.save()
        else:
            person.is_active = False
            person.save()

    await in_database(apply)
    assert (await caller.call("GET", "me")).code == "signed_out"


async def test_a_made_up_session_is_none(runtime: Runtime) -> None:
    caller = Caller()
    # As on the wire, where the third is a NUL: newer Pythons make no such cookie, but read it.
    for written in ("", "x" * 32, r'"\000"', r'"\351"'):
        caller.client.cookies["sessionid"] = "replaced"
        caller.client.cookies["sessionid"].set("sessionid", "replaced", written)
        assert (await caller.call("GET", "me")).code == "signed_out"


async def test_a_method_that_there_is_not_is_said_so(caller: Caller) -> None:
    answer = await caller.client.generic("PUT", "/api/chats")
    assert answer.status_code == 405
