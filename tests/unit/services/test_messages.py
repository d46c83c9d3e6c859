"""Posting a message: what it makes, what it refuses, and what a repeat gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from pytest_django import Settings

from chat import selectors
from chat.models import Chat, Message, Run
from chat.protocol.codes import ChatBusy, ChatError, EmptyText, InvalidCommand, NotFound, TextTooLong, TooManyRequests
from chat.protocol.commands import MAX_TEXT_HTTP
from chat.services.chats import create_chat, delete_chat
from chat.services.messages import Posted, post_message
from chat.services.workers import register_worker
from tests.chats import announced, answer, asking, new_chat, new_user, say
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


def test_a_message_comes_with_its_empty_reply_and_the_run_that_will_write_it(user: UUID, chat: UUID) -> None:
    worker = register_worker(name="w")
    posted = say(user, chat, "What is this?", client_id="k1", worker=worker)
    message, reply = Message.objects.order_by("position")
    run = Run.objects.get()
    assert (posted.message, posted.reply, posted.run) == (message.id, reply.id, run.id)
    assert (message.role, message.status, message.author_id, message.client_id) == ("user", "complete", user, "k1")
    assert message.parts == [{"type": "text", "id": str(message.id), "text": "What is this?"}]
    assert (reply.role, reply.status, reply.author_id, reply.parts) == ("assistant", "streaming", None, [])
    assert (reply.parent_id, message.parent_id) == (message.id, None)
    assert (run.status, run.owner_id, run.agent, run.last_seq) == ("running", worker, "assistant", 0)
    assert posted.started is not None
    assert (posted.started.run, posted.started.token, posted.started.reply) == (run.id, run.token, reply.id)


def test_positions_and_versions_count_up_without_a_clock(user: UUID, chat: UUID) -> None:
    answer(say(user, chat))
    say(user, chat)
    assert [row.position for row in Message.objects.order_by("position")] == [1, 2, 3, 4]
    # Created at 1; posted, answered, posted again.
    assert Chat.objects.get().version == 4
    assert [row.version for row in Message.objects.order_by("position")] == [2, 3, 4, 4]
    assert [row.version for row in Run.objects.order_by("version")] == [3, 4]
    parents = list(Message.objects.order_by("position").values_list("parent__position", flat=True))
    assert parents == [None, 1, 2, 3]


def test_an_agent_can_be_chosen_for_one_reply(user: UUID, chat: UUID) -> None:
    post_message(asking(user, chat, agent="other"), text="Hi")
    assert Run.objects.get().agent == "other"
    assert Chat.objects.get().agent == "assistant"


def test_a_repeat_gets_the_same_ids_and_starts_nothing(user: UUID, chat: UUID) -> None:
    first = say(user, chat, client_id="k")
    busy = say(user, chat, client_id="k")
    answer(first)
    later = say(user, chat, "another text", client_id="k")
    for repeat in (busy, later):
        assert repeat == Posted(message=first.message, reply=first.reply, run=first.run, started=None)
    assert Message.objects.count() == 2


def test_a_client_id_counts_within_one_chat(user: UUID, chat: UUID) -> None:
    elsewhere = say(user, new_chat(user), client_id="k")
    here = say(user, chat, client_id="k")
    assert here.started is not None
    assert here.message != elsewhere.message


def test_a_chat_that_is_being_answered_takes_no_other_message(user: UUID, chat: UUID) -> None:
    posted = say(user, chat)
    with pytest.raises(ChatBusy):
        say(user, chat)
    assert Message.objects.count() == 2
    answer(posted)
    assert say(user, chat).started is not None


def test_a_person_may_have_so_many_replies_written_at_once_in_all_chats(user: UUID, settings: Settings) -> None:
    settings.USER_RUNS = 2
    other = new_user()
    say(other, new_chat(other))
    first, second, third = (new_chat(user) for _ in range(3))
    posted = say(user, first)
    say(user, second)
    with pytest.raises(TooManyRequests, match="at once"):
        say(user, third)
    answer(posted)
    assert say(user, third).started is not None


def test_the_replies_of_a_person_are_counted_by_the_index_of_those_that_are_being_written(
    user: UUID, chat: UUID
) -> None:
    looks: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if "count(" in sql:
            looks.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        say(user, chat)
    ((sql, params),) = looks
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # It would read a table as small as this one.
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN' if connection.vendor == 'sqlite' else ''} {sql}", params)
        assert "live_runs_of_requester" in str(cursor.fetchall())


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u2003"])
def test_an_empty_message_is_refused(user: UUID, chat: UUID, text: str) -> None:
    with pytest.raises(EmptyText):
        say(user, chat, text)


def test_a_message_may_have_a_mebibyte_of_utf_8(user: UUID, chat: UUID) -> None:
    with pytest.raises(TextTooLong, match="1 MiB"):
        say(user, chat, "é" * (MAX_TEXT_HTTP // 2) + "a")
    assert say(user, chat, "é" * (MAX_TEXT_HTTP // 2)).started is not None


def test_nul_is_refused_and_nothing_is_changed(user: UUID, chat: UUID) -> None:
    with pytest.raises(InvalidCommand, match="NUL"):
        say(user, chat, "a\x00b")
    assert not Message.objects.exists()
    assert Chat.objects.get().version == 1


def test_a_missing_a_deleted_and_another_persons_chat_are_the_same(user: UUID, chat: UUID) -> None:
    deleted = new_chat(user)
    delete_chat(user_id=user, chat_id=deleted)
    others = new_chat(new_user())
    refusals = []
    for target in (uuid4(), deleted, others):
        with pytest.raises(NotFound) as refusal:
            say(user, target)
        refusals.append((refusal.value.code, refusal.value.message, refusal.value.retry_after))
    assert len(set(refusals)) == 1
    assert not Message.objects.exists()


def test_a_repeat_in_a_chat_that_is_gone_is_not_found(user: UUID, chat: UUID) -> None:
    say(user, chat, client_id="k")
    delete_chat(user_id=user, chat_id=chat)
    with pytest.raises(NotFound):
        say(user, chat, client_id="k")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why is the sky blue?", "Why is the sky blue?"),
        ("  Why\n\nis \t it?  ", "Why is it?"),
        ("word " * 30, "word word word word word word word word word word word…"),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 60, "x" * 60),
        ("first " + "x" * 80, "first…"),
    ],
)
def test_the_first_words_are_the_title_at_once(user: UUID, chat: UUID, text: str, title: str) -> None:
    say(user, chat, text)
    found = Chat.objects.get()
    assert (found.title, found.titled_by) == (title, "words")


def test_only_the_first_message_gives_a_title_and_never_over_a_persons(user: UUID, chat: UUID) -> None:
    answer(say(user, chat, "First"))
    say(user, chat, "Second")
    named = create_chat(user_id=user, client_id="named", agent="assistant", title="Mine")
    say(user, named, "Words")
    assert set(Chat.objects.values_list("title", flat=True)) == {"First", "Mine"}


def test_a_message_puts_its_chat_on_top_of_the_list(user: UUID, chat: UUID) -> None:
    newer = new_chat(user)
    say(user, chat)
    page, _ = selectors.chat_page(user_id=user)
    assert [found.id for found in page] == [chat, newer]


@pytest.mark.django_db(transaction=True)
def test_a_post_is_announced_once_it_is_committed_and_a_refused_one_never(user: UUID, chat: UUID) -> None:
    with announced() as moves:
        say(user, chat, client_id="k")
        (move,) = moves
        say(user, chat, client_id="k")
        with pytest.raises(ChatBusy):
            say(user, chat)
    assert moves == [move]
    assert move.chats == {chat: 2}
    assert move.users == selectors.list_versions([user])


@pytest.mark.django_db(transaction=True)
def test_the_same_message_from_two_threads_at_once_starts_one_run(user: UUID, chat: UUID) -> None:
    worker = register_worker(name="w")
    results = at_once(*4 * [lambda: say(user, chat, client_id="k", worker=worker)])
    posts = [result for result in results if isinstance(result, Posted)]
    assert len(posts) == 4, results
    assert len({(post.message, post.reply, post.run) for post in posts}) == 1
    assert sum(post.started is not None for post in posts) == 1
    assert (Run.objects.count(), Message.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_messages_at_once_one_is_posted_and_the_other_finds_the_chat_busy(user: UUID, chat: UUID) -> None:
    worker = register_worker(name="w")
    results = at_once(
        lambda: say(user, chat, client_id="a", worker=worker), lambda: say(user, chat, client_id="b", worker=worker)
    )
    codes = sorted(result.code if isinstance(result, ChatError) else type(result).__name__ for result in results)
    assert codes == ["Posted", "chat_busy"]
    assert (Run.objects.count(), Chat.objects.get().version) == (1, 2)
