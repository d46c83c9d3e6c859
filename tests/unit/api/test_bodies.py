"""Bodies that are not understood are refused with a code and a sentence, and change nothing."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from chat.database import in_database
from chat.models import Chat, Message
from chat.protocol.commands import MAX_TEXT_HTTP
from tests.caller import Caller
from tests.chats import new_chat


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


async def untouched(chat: UUID) -> bool:
    """Whether there is nothing but the one chat, as it was made."""

    def look() -> bool:
        return [each.version for each in Chat.objects.all()] == [1] and not Message.objects.exists()

    return await in_database(look)


@pytest.mark.parametrize("target", ["chats", "chats/{chat}", "chats/{chat}/messages"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"title=T", "invalid_json"),
        (b'{"title":"\xff"}', "invalid_json"),
        (b'{"title":"\xed\xa0\x80"}', "invalid_json"),
        (b'{"title":"\\ud800"}', "invalid_json"),
        (b'{"title":NaN}', "invalid_json"),
        (b'{"title":"a\x00b"}', "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b"null", "invalid_command"),
        (b'"text"', "invalid_command"),
        (b"[]", "invalid_command"),
        (b"[" * 100_000, "invalid_command"),
        (b'{"unknown":' + b"[" * 100_000, "invalid_command"),
        (b'{"unknown":1}', "invalid_command"),
        (b'{"' + b"k" * 100_000 + b'":1}', "invalid_command"),
        (b'{"title":5,"text":5}', "invalid_command"),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
async def test_nonsense_is_refused(caller: Caller, chat: UUID, target: str, body: bytes, code: str) -> None:
    method = "PATCH" if target.endswith("}") else "POST"
    answer = await caller.call(method, target.format(chat=chat), body)
    # A message has no title, which is known before what follows is read.
    expected = "invalid_command" if b'"title"' in body and target.endswith("messages") else code
    assert (answer.status, answer.code) == (400, expected)
    assert len(answer.body["message"]) < 300
    assert await untouched(chat)


@pytest.mark.parametrize(
    "body",
    [
        {"client_id": "a\x00"},
        {"client_id": ""},
        {"client_id": "x" * 65},
        {"client_id": "k", "title": "a\x00b"},
        {"client_id": "k", "title": "x" * 201},
        {"client_id": "k", "agent": "x" * 65},
        {"client_id": 5},
        {"title": "T"},
    ],
)
async def test_a_chat_is_not_made_of_fields_that_cannot_be_kept(caller: Caller, chat: UUID, body: object) -> None:
    answer = await caller.call("POST", "chats", body)
    assert (answer.status, answer.code) == (400, "invalid_command")
    assert await untouched(chat)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": "Hi", "client_id": "a\x00"}, 400, "invalid_command"),
        ({"text": "a\x00b", "client_id": "k"}, 400, "invalid_command"),
        ({"text": "Hi"}, 400, "invalid_command"),
        ({"client_id": "k"}, 400, "invalid_command"),
        ({"text": None, "client_id": "k"}, 400, "invalid_command"),
        ({"text": "", "client_id": "k"}, 422, "text_empty"),
        ({"text": " \n", "client_id": "k"}, 422, "text_empty"),
        ({"text": "Hi", "client_id": "k", "agent": "nobody"}, 422, "unknown_agent"),
        ({"text": "Hi", "client_id": "k", "agent": "\x00"}, 400, "invalid_command"),
        ({"text": "x" * (MAX_TEXT_HTTP + 1), "client_id": "k"}, 413, "text_too_long"),
        ({"text": "x" * (3 * 1024 * 1024), "client_id": "k"}, 413, "text_too_long"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_message_that_cannot_be_kept_is_refused(
    caller: Caller, chat: UUID, body: object, status: int, code: str
) -> None:
    answer = await caller.call("POST", f"chats/{chat}/messages", body)
    assert (answer.status, answer.code) == (status, code)
    assert await untouched(chat)


async def test_a_message_may_have_a_mebibyte(caller: Caller, chat: UUID) -> None:
    text = "é" * (MAX_TEXT_HTTP // 2)
    body = json.dumps({"text": text, "client_id": "k"}, ensure_ascii=False).encode()
    answer = await caller.call("POST", f"chats/{chat}/messages", body)
    assert answer.status == 200
    whole = await caller.call("GET", f"chats/{chat}/messages/{answer.body['message']}")
    assert whole.body["parts"][0]["text"] == text


@pytest.mark.parametrize(
    "query", ["before=x", "before=1.5", "limit=0", "limit=101", "limit=x", "archived=maybe", "before="]
)
async def test_a_query_that_is_not_understood_is_refused(caller: Caller, chat: UUID, query: str) -> None:
    answer = await caller.call("GET", f"chats?{query}")
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert query.split("=", maxsplit=1)[0] in answer.body["message"]


@pytest.mark.parametrize("path", ["chats?before={}", "chats/{{chat}}/messages?before={}"])
@pytest.mark.parametrize("before", [-(10**30), 0, 10**30])
async def test_any_number_can_be_a_cursor(caller: Caller, chat: UUID, path: str, before: int) -> None:
    answer = await caller.call("GET", path.format(before).format(chat=chat))
    assert answer.status == 200


@pytest.mark.parametrize("path", ["chats/not-a-uuid", "chats/1", "runs/x/stop"])
async def test_an_address_that_is_none_is_not_found(caller: Caller, path: str) -> None:
    answer = await caller.client.generic("GET", f"/api/{path}")
    assert answer.status_code == 404
