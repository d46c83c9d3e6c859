"""Chats: made once, named by the right one, put away, deleted and restored."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from chat import selectors
from chat.models import Chat, Member
from chat.protocol.codes import InvalidCommand, NotFound
from chat.services.chats import create_chat, delete_chat, edit_chat, restore_chat, title_chat
from tests.chats import announced, answer, new_chat, new_user, say
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


def test_a_chat_has_its_maker_for_a_member(user: UUID) -> None:
    chat = create_chat(user_id=user, client_id="k", agent="assistant")
    found = selectors.chat_for(user_id=user, chat_id=chat)
    assert (found.title, found.agent, found.version, found.archived, found.live) == ("", "assistant", 1, False, False)
    assert list(Member.objects.values_list("user_id", "role")) == [(user, "owner")]


def test_the_same_client_id_gets_the_same_chat_and_changes_nothing(user: UUID) -> None:
    chat = create_chat(user_id=user, client_id="k", agent="assistant", title="One")
    assert create_chat(user_id=user, client_id="k", agent="other", title="Two") == chat
    assert selectors.chat_for(user_id=user, chat_id=chat).title == "One"
    assert create_chat(user_id=new_user(), client_id="k", agent="assistant") != chat


@pytest.mark.django_db(transaction=True)
def test_the_same_chat_from_several_threads_at_once_is_made_once(user: UUID) -> None:
    with announced() as moves:
        results = at_once(*5 * [lambda: create_chat(user_id=user, client_id="k", agent="assistant")])
    assert len(set(results)) == 1, results
    assert (Chat.objects.count(), Member.objects.count(), len(moves)) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_chats_from_several_threads_at_once_have_their_places_in_the_list(user: UUID) -> None:
    def make(key: str) -> UUID:
        return create_chat(user_id=user, client_id=key, agent="assistant")

    results = at_once(*(lambda key=key: make(key) for key in "abcde"))
    assert len(set(results)) == 5, results
    assert sorted(Member.objects.values_list("version", flat=True)) == [1, 2, 3, 4, 5]
    assert selectors.list_versions([user]) == {user: 5}


@pytest.mark.django_db(transaction=True)
def test_a_change_raises_the_list_of_every_member_whoever_made_it(user: UUID, chat: UUID) -> None:
    other = new_user()  # who has no list yet
    Member.objects.create(chat_id=chat, user_id=other, version=0, recent=0)
    new_chat(user)
    with announced() as moves:
        edit_chat(user_id=user, chat_id=chat, title="T")
        say(user, chat)
    members = dict(Member.objects.filter(chat=chat).values_list("user_id", "version"))
    recent = dict(Member.objects.filter(chat=chat).values_list("user_id", "recent"))
    assert members == recent == selectors.list_versions([user, other]) == {user: 4, other: 2}
    assert [move.users for move in moves] == [{user: 3, other: 1}, {user: 4, other: 2}]


def test_a_persons_title_is_never_overwritten_by_a_model(user: UUID, chat: UUID) -> None:
    edit_chat(user_id=user, chat_id=chat, title="  Mine,\n really ")
    assert not title_chat(chat_id=chat, title="A model's")
    assert Chat.objects.get().title == "Mine, really"
    answer(say(user, chat, "First words"))
    assert Chat.objects.get().title == "Mine, really"


def test_a_title_given_at_birth_is_a_persons(user: UUID) -> None:
    chat = create_chat(user_id=user, client_id="k", agent="assistant", title="Mine")
    assert not title_chat(chat_id=chat, title="A model's")


def test_a_model_names_a_chat_once_after_its_first_words(user: UUID, chat: UUID) -> None:
    say(user, chat, "Why is the sky blue?")
    assert title_chat(chat_id=chat, title="Blue Skies")
    assert not title_chat(chat_id=chat, title="Something Else")
    assert Chat.objects.get().title == "Blue Skies"


def test_a_model_names_nothing_that_is_gone_and_nothing_with_nothing(user: UUID, chat: UUID) -> None:
    say(user, chat)
    assert not title_chat(chat_id=chat, title=" \n ")
    assert not title_chat(chat_id=uuid4(), title="T")
    assert title_chat(chat_id=chat, title="x" * 500)
    assert len(Chat.objects.get().title) == 200
    deleted = new_chat(user)
    say(user, deleted)
    delete_chat(user_id=user, chat_id=deleted)
    assert not title_chat(chat_id=deleted, title="T")


@pytest.mark.parametrize("title", ["", " \n", "x" * 201, "a\x00b"])
def test_a_name_that_cannot_be_kept_is_refused(user: UUID, chat: UUID, title: str) -> None:
    with pytest.raises(InvalidCommand):
        edit_chat(user_id=user, chat_id=chat, title=title)
    assert Chat.objects.get().version == 1


def test_renaming_archiving_and_taking_back_each_make_a_version_and_nothing_twice_does(user: UUID, chat: UUID) -> None:
    edit_chat(user_id=user, chat_id=chat, title="T")
    edit_chat(user_id=user, chat_id=chat, archived=True)
    edit_chat(user_id=user, chat_id=chat, archived=True)
    archived, _ = selectors.chat_page(user_id=user, archived=True)
    assert [(found.id, found.version, found.archived) for found in archived] == [(chat, 3, True)]
    assert selectors.chat_page(user_id=user) == ([], None)
    edit_chat(user_id=user, chat_id=chat, archived=False)
    assert [found.id for found in selectors.chat_page(user_id=user)[0]] == [chat]


def test_what_is_edited_at_once_is_one_change_or_none(user: UUID, chat: UUID) -> None:
    edit_chat(user_id=user, chat_id=chat, title="T", archived=True, pinned=True)
    found = selectors.chat_for(user_id=user, chat_id=chat)
    assert (found.title, found.archived, found.pinned, found.version) == ("T", True, True, 2)
    with pytest.raises(InvalidCommand):
        edit_chat(user_id=user, chat_id=chat, title=" ", archived=False)
    edit_chat(user_id=user, chat_id=chat)
    assert selectors.chat_for(user_id=user, chat_id=chat) == found


def test_a_deleted_chat_is_gone_for_every_reader_until_it_is_restored(user: UUID, chat: UUID) -> None:
    answer(say(user, chat))
    delete_chat(user_id=user, chat_id=chat)
    for read in (
        lambda: selectors.chat_for(user_id=user, chat_id=chat),
        lambda: selectors.message_page(user_id=user, chat_id=chat),
        lambda: delete_chat(user_id=user, chat_id=chat),
    ):
        with pytest.raises(NotFound):
            read()
    assert selectors.chat_page(user_id=user) == ([], None)
    assert (selectors.snapshot(chat), selectors.chat_change(chat, 1)) == (None, None)
    restore_chat(user_id=user, chat_id=chat)
    restore_chat(user_id=user, chat_id=chat)
    assert selectors.chat_for(user_id=user, chat_id=chat).version == 5
    assert len(selectors.message_page(user_id=user, chat_id=chat)[0]) == 2


@pytest.mark.parametrize(
    "command",
    [
        lambda user, chat: edit_chat(user_id=user, chat_id=chat, title="T"),
        lambda user, chat: edit_chat(user_id=user, chat_id=chat, archived=True),
        lambda user, chat: delete_chat(user_id=user, chat_id=chat),
        lambda user, chat: restore_chat(user_id=user, chat_id=chat),
    ],
    ids=["rename", "archive", "delete", "restore"],
)
def test_who_is_no_member_changes_nothing(chat: UUID, command: Callable[[UUID, UUID], None]) -> None:
    stranger = new_user()
    refusals = set()
    for target in (chat, uuid4()):
        with pytest.raises(NotFound) as refusal:
            command(stranger, target)
        refusals.add((refusal.value.code, refusal.value.message))
    assert len(refusals) == 1
    found = Chat.objects.get()
    assert (found.version, found.archived, found.deleted_at) == (1, False, None)


@pytest.mark.django_db(transaction=True)
def test_every_change_is_announced_to_the_chats_and_its_members_readers(user: UUID) -> None:
    with announced() as moves:
        chat = create_chat(user_id=user, client_id="k", agent="assistant")
        edit_chat(user_id=user, chat_id=chat, title="T")
        edit_chat(user_id=user, chat_id=chat, archived=True)
        delete_chat(user_id=user, chat_id=chat)
        restore_chat(user_id=user, chat_id=chat)
    told = [move for move in moves if move.chats]
    assert [move.chats for move in told] == [{chat: version} for version in range(1, 6)]
    assert [move.users for move in told] == [{user: version} for version in range(1, 6)]
