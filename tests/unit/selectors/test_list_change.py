"""State plus changes is a fresh list: for one person's chats, whatever was done to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import selectors
from chat.protocol.objects import ChatObject
from chat.selectors import PAGE
from chat.services.chats import delete_chat, edit_chat, restore_chat
from chat.services.messages import Posted
from chat.services.workers import register_worker
from tests.chats import answer, new_chat, new_user, say

pytestmark = pytest.mark.django_db
TITLES = Path(__file__).resolve().parents[2] / "fixtures" / "titles.json"
"""What is looked for in which titles, and whether it is found: here and in the page."""


@dataclass
class Known:
    """A list as a client holds it."""

    version: int = 0
    chats: dict[UUID, ChatObject] = field(default_factory=dict)

    def catch_up(self, user: UUID) -> None:
        """Ask until nothing comes."""
        while (change := selectors.list_change(user_id=user, after=self.version)).version > self.version:
            self.version = change.version
            self.chats |= {chat.id: chat for chat in change.chats}
            for removed in change.removed:
                self.chats.pop(removed, None)


def fresh(user: UUID) -> dict[UUID, ChatObject]:
    """All pages of the list."""
    chats: dict[UUID, ChatObject] = {}
    for archived in (False, True):
        page, before = selectors.chat_page(user_id=user, archived=archived, limit=2)
        chats |= {chat.id: chat for chat in page}
        while before is not None:
            page, before = selectors.chat_page(user_id=user, archived=archived, before=before, limit=2)
            chats |= {chat.id: chat for chat in page}
    return chats


_commands = st.lists(
    st.tuples(
        st.sampled_from(["create", "post", "answer", "rename", "archive", "delete", "restore", "look", "catch up"]),
        st.integers(0, 3),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_commands)
def test_state_plus_changes_is_a_fresh_list(commands: list[tuple[str, int]]) -> None:
    user, stranger = new_user(), new_user()
    worker = register_worker(name="w")
    say(stranger, new_chat(stranger), worker=worker)
    chats = [new_chat(user), new_chat(user)]
    deleted: set[UUID] = set()
    running: dict[UUID, Posted] = {}
    clients = [Known()]
    for command, number in commands:
        chat = chats[number % len(chats)]
        match command:
            case "create":
                chats.append(new_chat(user))
            case "look":
                clients.append(Known(selectors.list_versions([user])[user], fresh(user)))
            case "catch up":
                clients[number % len(clients)].catch_up(user)
            case "answer" if chat in running:
                answer(running.pop(chat))
            case "restore":
                restore_chat(user_id=user, chat_id=chat)
                deleted.discard(chat)
            case "delete" if chat not in deleted:
                delete_chat(user_id=user, chat_id=chat)
                deleted.add(chat)
            case "post" if chat not in deleted and chat not in running:
                running[chat] = say(user, chat, worker=worker)
            case "rename" if chat not in deleted:
                edit_chat(user_id=user, chat_id=chat, title=f"title {number}")
            case "archive" if chat not in deleted:
                edit_chat(user_id=user, chat_id=chat, archived=number > 1)
    expected = fresh(user)
    assert expected.keys() == set(chats) - deleted
    for client in clients:
        client.catch_up(user)
        assert client.chats == expected
        assert client.version == selectors.list_versions([user])[user]


def test_changes_come_a_page_at_a_time_the_oldest_first() -> None:
    user = new_user()
    chats = [new_chat(user) for _ in range(PAGE + 3)]
    edit_chat(user_id=user, chat_id=chats[0], title="moved to the end")
    first = selectors.list_change(user_id=user, after=0)
    assert [chat.id for chat in first.chats] == chats[1 : PAGE + 1]
    second = selectors.list_change(user_id=user, after=first.version)
    assert [chat.id for chat in second.chats] == [*chats[PAGE + 1 :], chats[0]]
    assert second.version == selectors.list_versions([user])[user] == PAGE + 4
    assert selectors.list_change(user_id=user, after=second.version).chats == []


def test_a_person_without_chats_has_a_list_at_version_zero() -> None:
    user = new_user()
    assert selectors.list_versions([user]) == {user: 0}
    assert selectors.list_change(user_id=user, after=0) == selectors.ListChange(0, [], [])
    assert selectors.chat_page(user_id=user) == ([], None)


def test_a_chat_moves_up_by_a_message_and_not_by_a_new_name() -> None:
    user = new_user()
    old, new = new_chat(user), new_chat(user)
    edit_chat(user_id=user, chat_id=old, title="T")
    assert [chat.id for chat in selectors.chat_page(user_id=user)[0]] == [new, old]
    answer(say(user, old))
    assert [chat.id for chat in selectors.chat_page(user_id=user)[0]] == [old, new]
    edit_chat(user_id=user, chat_id=new, archived=True)
    assert [chat.id for chat in selectors.chat_page(user_id=user)[0]] == [old]


@pytest.mark.parametrize("before", [-1, 0, 10**30])
def test_any_number_can_be_a_cursor(before: int) -> None:
    user = new_user()
    new_chat(user)
    page, _ = selectors.chat_page(user_id=user, before=before)
    assert len(page) == (before > 0)
    assert selectors.list_change(user_id=user, after=10**30).version == 10**30


def test_the_list_can_be_looked_through_by_title_in_any_case_page_by_page() -> None:
    user = new_user()
    tides = [new_chat(user, title=f"Tides {number}") for number in range(3)]
    new_chat(user, title="100% sure")
    new_chat(new_user(), title="Tides of someone else")
    first, cursor = selectors.chat_page(user_id=user, title="tIDES", limit=2)
    rest, end = selectors.chat_page(user_id=user, title="tIDES", limit=2, before=cursor)
    assert [chat.id for chat in (*first, *rest)] == tides[::-1]
    assert end is None
    assert [chat.title for chat in selectors.chat_page(user_id=user, title="%")[0]] == ["100% sure"]


@pytest.mark.parametrize(("title", "words", "found"), json.loads(TITLES.read_text()))
def test_titles_are_found_in_any_case_and_however_their_letters_are_composed(
    title: str, words: str, *, found: bool
) -> None:
    user = new_user()
    chat = new_chat(user, title=title)
    new_chat(user, title="Something else")
    assert [one.id for one in selectors.chat_page(user_id=user, title=words)[0]] == [chat] * found
