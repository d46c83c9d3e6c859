"""Under WSGI the API reads and writes rows; what needs a process that streams says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import User
from chat.database import close_pool_connections
from chat.protocol.codes import NeedsAsgi
from tests.chats import answer, new_chat, new_user, say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user, title="T")


@pytest.fixture
def browser(client: Client, user: UUID) -> Iterator[Client]:
    """Signed in."""
    client.force_login(User.objects.get(id=user))
    yield client
    close_pool_connections()


def posted(browser: Client, path: str, body: Any, status: int = 200) -> Any:
    found = browser.post(f"/api/{path}", json.dumps(body), content_type="application/json")
    assert found.status_code == status, found.content
    return json.loads(found.content) if found.content else None


def test_chats_are_made_listed_and_changed(browser: Client, chat: UUID) -> None:
    made = posted(browser, "chats", {"client_id": "k"})
    listed = browser.get("/api/chats").json()["chats"]
    assert [each["id"] for each in listed] == [made["id"], str(chat)]
    renamed = browser.patch(f"/api/chats/{chat}", json.dumps({"title": "New"}), content_type="application/json")
    assert renamed.json()["title"] == "New"
    assert browser.delete(f"/api/chats/{chat}").status_code == 204
    assert browser.get(f"/api/chats/{chat}").status_code == 404


def test_messages_are_read_also_of_a_reply_in_flight(browser: Client, user: UUID, chat: UUID) -> None:
    answer(say(user, chat), "Hi")
    say(user, chat, "Again")
    for _ in range(2):
        page = browser.get(f"/api/chats/{chat}/messages").json()["messages"]
        assert [message["status"] for message in page] == ["complete", "complete", "complete", "streaming"]


def test_a_message_cannot_be_sent_and_nothing_is_posted(browser: Client, chat: UUID) -> None:
    refused = posted(browser, f"chats/{chat}/messages", {"text": "Hi", "client_id": "k"}, status=503)
    assert (refused["code"], refused["message"]) == ("needs_asgi", NeedsAsgi().message)
    assert browser.get(f"/api/chats/{chat}/messages").json()["messages"] == []


def test_the_wish_to_stop_is_recorded_for_the_process_that_streams(browser: Client, user: UUID, chat: UUID) -> None:
    run = say(user, chat).run
    assert posted(browser, f"runs/{run}/stop", {}, status=204) is None


def test_without_a_session_nobody_is_known(client: Client) -> None:
    answered = client.get("/api/me")
    assert (answered.status_code, answered.json()["code"]) == (401, "signed_out")
    close_pool_connections()
