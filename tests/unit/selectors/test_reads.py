"""What reads cost, what an agent is given, and pages backwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import selectors
from chat.models import Chat, Message
from chat.protocol.codes import NotFound
from chat.selectors import Said
from chat.services.chats import delete_chat, restore_chat
from chat.services.messages import Posted, retry_reply
from chat.services.workers import register_worker
from tests.chats import answer, asked, asking, new_chat, new_user, say, talk

pytestmark = pytest.mark.django_db
PLENTY = 10**6


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


def costs(reads: Sequence[Callable[[], object]]) -> list[int]:
    """How many statements each takes."""
    found = []
    for read in reads:
        with CaptureQueriesContext(connection) as queries:
            read()
        found.append(len(queries))
    return found


def test_reading_a_chat_costs_the_same_however_long_it_is(user: UUID) -> None:
    found = []
    for turns in (1, 40):
        chat = new_chat(user)
        talk(user, chat, turns)
        posted = say(user, chat)
        version = Chat.objects.get(id=chat).version
        found.append(
            costs(
                [
                    partial(selectors.snapshot, chat),
                    partial(selectors.chat_change, chat, version - 1),
                    partial(selectors.message_page, user_id=user, chat_id=chat),
                    partial(selectors.message_for, user_id=user, chat_id=chat, message_id=posted.message),
                    partial(selectors.chat_for, user_id=user, chat_id=chat),
                    partial(selectors.resumable_runs, chat, []),
                    partial(selectors.question, posted.reply, budget=10),
                ]
            )
        )
    assert found[0] == found[1] == [3, 3, 1, 2, 1, 1, 1]


def test_opening_a_chat_looks_for_runs_and_siblings_only_where_there_may_be_any(user: UUID, chat: UUID) -> None:
    def cost() -> list[int]:
        return costs([partial(selectors.snapshot, chat), partial(selectors.message_page, user_id=user, chat_id=chat)])

    assert cost() == [3, 2]  # the version again, and the member: no message tells of them
    first = say(user, chat)
    answer(first)
    assert cost() == [2, 1]
    second = retry_reply(asking(user, chat), message_id=first.reply)
    assert cost() == [4, 2]
    answer(second)
    assert cost() == [3, 2]


def test_the_start_and_the_end_of_a_reply_cost_their_sockets_four_statements_and_no_news_one(
    user: UUID, chat: UUID
) -> None:
    def cost(after: int) -> list[int]:
        list_after = selectors.list_versions([user])[user] - 1
        return costs(
            [
                partial(selectors.chat_change, chat, after),
                partial(selectors.list_change, user_id=user, after=list_after),
            ]
        )

    for version in (1, 3):
        posted = say(user, chat)
        assert cost(version) == [3, 1]
        answer(posted)
        assert cost(version + 1) == cost(version) == [3, 1]
        assert cost(version + 2) == [1, 1]
    answer(retry_reply(asking(user, chat), message_id=posted.reply))
    assert cost(6) == [4, 1]  # who answers the same message is looked for


def test_reading_a_list_costs_the_same_however_many_chats_it_has() -> None:
    found = []
    for chats in (2, 60):
        user = new_user()
        for _ in range(chats):
            new_chat(user)
        found.append(
            costs(
                [
                    partial(selectors.chat_page, user_id=user),
                    partial(selectors.list_change, user_id=user, after=0),
                    partial(selectors.list_versions, [user]),
                ]
            )
        )
    assert found[0] == found[1] == [2, 1, 1]


def test_posting_and_answering_cost_the_same_in_a_long_chat(user: UUID) -> None:
    worker = register_worker(name="w")
    found = []
    for turns in (0, 30):
        chat = new_chat(user)
        talk(user, chat, turns)
        made: list[Posted] = []

        def post(chat: UUID = chat, made: list[Posted] = made) -> None:
            made.append(say(user, chat, worker=worker))

        def end(made: list[Posted] = made) -> None:
            answer(made[0])

        found.append(costs([post, end]))
    # A savepoint and its release are of the test, and so is the look for the run's token at its end.
    assert found[0] == found[1] == [2 + 8, 3 + 7]


def test_older_messages_come_page_by_page_without_a_gap(user: UUID, chat: UUID) -> None:
    talk(user, chat, 5)
    seen: list[int] = []
    before, earlier = None, True
    while earlier:
        page, earlier = selectors.message_page(user_id=user, chat_id=chat, before=before, limit=3)
        assert [message.position for message in page] == sorted(message.position for message in page)
        seen = [*(message.position for message in page), *seen]
        before = page[0].position
    assert seen == list(range(1, 11))
    assert selectors.message_page(user_id=user, chat_id=chat, before=1) == ([], False)
    assert selectors.message_page(user_id=user, chat_id=chat, before=-(10**30)) == ([], False)


def test_messages_of_others_and_of_other_chats_are_not_found(user: UUID, chat: UUID) -> None:
    posted = say(user, chat)
    stranger, other = new_user(), new_chat(user)
    for person, place, message in (
        (stranger, chat, posted.message),
        (user, other, posted.message),
        (user, chat, uuid4()),
        (user, uuid4(), posted.message),
    ):
        with pytest.raises(NotFound):
            selectors.message_for(user_id=person, chat_id=place, message_id=message)
    with pytest.raises(NotFound):
        selectors.message_page(user_id=stranger, chat_id=chat)


def test_an_agent_reads_the_chat_up_to_its_reply_oldest_first(user: UUID, chat: UUID) -> None:
    answer(say(user, chat, "One"), "Two")
    answer(say(user, chat, "Three"), "", status="failed")
    posted = say(user, chat, "Five")
    found = asked(posted, PLENTY)
    assert found.continues is None
    assert found.said == [Said("user", "One"), Said("assistant", "Two"), Said("user", "Three"), Said("user", "Five")]


def test_an_agent_is_given_the_newest_messages_that_fit_its_budget(user: UUID, chat: UUID) -> None:
    answer(say(user, chat, "a" * 10), "b" * 10)
    posted = say(user, chat, "c" * 10)

    def given(budget: int) -> list[str]:
        return [said.text[0] * len(said.text) for said in asked(posted, budget).said]

    a, b, c = ("a" * 10, "b" * 10, "c" * 10)
    assert [given(30), given(29), given(20), given(19), given(10)] == [[a, b, c], [b, c], [b, c], [c], [c]]
    # The last one always, cut at its start.
    assert [given(9), given(1)] == [[c[:9]], ["c"]]


def test_no_more_of_a_chat_is_read_than_an_agent_can_take(user: UUID, chat: UUID) -> None:
    talk(user, chat, 30)
    posted = say(user, chat)

    def rows_wanted(budget: int) -> list[int]:
        with CaptureQueriesContext(connection) as queries:
            asked(posted, budget)
        return [int(query["sql"].rpartition("LIMIT ")[2]) for query in queries.captured_queries]

    assert rows_wanted(50) == [20]
    assert rows_wanted(PLENTY) == [20, 100]


def test_the_end_of_the_last_message_is_what_is_kept(user: UUID, chat: UUID) -> None:
    posted = say(user, chat, "the beginning and the end")
    assert asked(posted, 7).said == [Said("user", "the end")]


def test_only_text_is_history(user: UUID, chat: UUID) -> None:
    posted = say(user, chat, "Hi")
    answer(posted, "Yes")
    parts = [
        {"type": "reasoning", "id": "1", "text": "Hm"},
        {"type": "text", "id": "2", "text": "Yes"},
        {"type": "tool_call", "id": "3", "name": "n", "arguments": "", "result": None, "status": "called"},
        {"type": "text", "id": "4", "text": "indeed"},
    ]
    Message.objects.filter(id=posted.reply).update(parts=parts)
    assert asked(posted, PLENTY).said[-1] == Said("assistant", "Yes\n\nindeed")


def test_resumable_are_the_live_runs_and_those_asked_for_that_are_the_chats(user: UUID, chat: UUID) -> None:
    ended = say(user, chat)
    answer(ended)
    live = say(user, chat)
    foreign = say(user, new_chat(user))
    assert selectors.resumable_runs(chat, []).keys() == {live.run}
    found = selectors.resumable_runs(chat, [ended.run, foreign.run, uuid4()])
    assert {run: (each.status, version) for run, (each, version) in found.items()} == {
        ended.run: ("completed", 3),
        live.run: ("running", 4),
    }


def test_versions_are_those_of_the_chats_that_there_are(user: UUID, chat: UUID) -> None:
    delete_chat(user_id=user, chat_id=chat)
    assert selectors.versions([chat, uuid4()]) == {chat: 2}
    restore_chat(user_id=user, chat_id=chat)
    assert selectors.versions([chat]) == {chat: 3}
    assert selectors.versions([]) == {}
