"""/api/chats: what the sidebar and the socket show, by HTTP."""

from __future__ import annotations

from uuid import UUID

import pytest

from chat import selectors
from chat.database import in_database
from chat.runtime import Runtime
from tests.caller import Caller, Reply
from tests.chats import new_chat


@pytest.fixture
def chats(user: UUID) -> list[UUID]:
    return [new_chat(user, title=f"Chat {number}") for number in range(5)]


def ids(answer: Reply) -> list[UUID]:
    assert answer.status == 200
    return [UUID(chat["id"]) for chat in answer.body["chats"]]


async def test_a_chat_is_made_once_for_each_client_id(caller: Caller) -> None:
    made = await caller.call("POST", "chats", {"client_id": "k", "title": "T", "agent": "assistant"})
    again = await caller.call("POST", "chats", {"client_id": "k"})
    assert made.status == again.status == 200
    assert made.body == again.body
    assert (made.body["title"], made.body["agent"], made.body["version"]) == ("T", "assistant", 1)
    assert (await caller.call("GET", f"chats/{made.body['id']}")).body == made.body


async def test_an_agent_that_there_is_not_makes_no_chat(caller: Caller) -> None:
    answer = await caller.call("POST", "chats", {"client_id": "k", "agent": "nobody"})
    assert (answer.status, answer.code) == (422, "unknown_agent")
    assert ids(await caller.call("GET", "chats")) == []


async def test_the_list_comes_in_pages_the_newest_first(caller: Caller, chats: list[UUID]) -> None:
    seen: list[UUID] = []
    path = "chats?limit=2"
    while True:
        page = await caller.call("GET", path)
        seen += ids(page)
        if page.body["next"] is None:
            break
        path = f"chats?limit=2&before={page.body['next']}"
    assert seen == chats[::-1]


async def test_the_page_is_what_the_database_has(caller: Caller, user: UUID, chats: list[UUID]) -> None:
    page = await caller.call("GET", "chats")
    found, _ = await in_database(selectors.chat_page, user_id=user)
    assert [chat["title"] for chat in page.body["chats"]] == [chat.title for chat in found]
    assert set(page.body) == {"chats", "next"}


async def test_a_chat_can_be_renamed_put_away_and_taken_back(caller: Caller, chats: list[UUID]) -> None:
    path = f"chats/{chats[0]}"
    both = await caller.call("PATCH", path, {"title": " New\nname ", "archived": True})
    assert (both.status, both.body["title"], both.body["archived"]) == (200, "New name", True)
    assert both.body["version"] == 2  # one change
    assert chats[0] not in ids(await caller.call("GET", "chats"))
    assert ids(await caller.call("GET", "chats?archived=true")) == [chats[0]]
    assert (await caller.call("PATCH", path, {})).body == both.body
    assert (await caller.call("PATCH", path, {"archived": False})).body["archived"] is False
    empty = await caller.call("PATCH", path, {"title": " "})
    assert (empty.status, empty.code) == (400, "invalid_command")


async def test_a_deleted_chat_is_gone_and_can_be_restored(caller: Caller, chats: list[UUID]) -> None:
    path = f"chats/{chats[0]}"
    gone = await caller.call("DELETE", path)
    assert (gone.status, gone.body) == (204, None)
    for method, place in (("GET", path), ("DELETE", path), ("PATCH", path), ("GET", f"{path}/messages")):
        answer = await caller.call(method, place, {"title": "T"} if method == "PATCH" else None)
        assert (answer.status, answer.code) == (404, "not_found")
    assert chats[0] not in ids(await caller.call("GET", "chats"))
    back = await caller.call("POST", f"{path}/restore")
    assert (back.status, back.body["title"]) == (200, "Chat 0")
    assert (await caller.call("GET", path)).body == back.body


async def test_too_many_changes_at_once_are_refused_with_the_time_to_wait(
    caller: Caller, runtime: Runtime, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.limits, "_burst", 2)
    monkeypatch.setattr(runtime.limits, "_rate", 0.001)
    path = f"chats/{chats[0]}"
    answers = [await caller.call("PATCH", path, {"title": f"T{number}"}) for number in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].code == "too_many_requests"
    assert 0 < int(answers[2].headers["Retry-After"]) <= 1000
    assert (await caller.call("GET", path)).status == 200


async def test_chats_are_found_by_words_of_their_title(caller: Caller, user: UUID, chats: list[UUID]) -> None:
    tides = await in_database(new_chat, user, title="About Tides & waves")
    assert ids(await caller.call("GET", "chats?q=tides%20%26")) == [tides]
    assert ids(await caller.call("GET", "chats?q=CHAT&limit=2")) == chats[:-3:-1]
    assert ids(await caller.call("GET", "chats?q=tides&archived=true")) == []
    assert (await caller.call("GET", "chats?q=%00")).code == "invalid_command"
    assert (await caller.call("GET", f"chats?q={'x' * 201}")).code == "invalid_request"
