"""The tree of a chat: other replies, edits, continuing, and which branch is shown."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import selectors
from chat.models import Chat, Message, Run
from chat.protocol.codes import ChatBusy, NotAllowed, NotFound
from chat.protocol.objects import MessageObject, TextPart
from chat.selectors import questions
from chat.services import messages
from chat.services.messages import choose_branch, continue_reply, edit_message, post_message, retry_reply
from tests.chats import announced, answer, asked, asking, new_chat, new_user, say, talk

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


def shown(chat: UUID) -> list[MessageObject]:
    """What people see."""
    found = selectors.snapshot(chat)
    assert found is not None
    return found.messages


def texts(chat: UUID) -> list[str]:
    """What people read."""
    found: list[str] = []
    for message in shown(chat):
        assert isinstance(message.parts, list)
        found.append("".join(part.text for part in message.parts if isinstance(part, TextPart)))
    return found


def test_another_reply_is_shown_beside_the_first(user: UUID, chat: UUID) -> None:
    first = say(user, chat, "Question")
    answer(first, "One")
    second = retry_reply(asking(user, chat), message_id=first.reply)
    answer(second, "Two")
    assert texts(chat) == ["Question", "Two"]
    assert shown(chat)[1].siblings == [first.reply, second.reply]
    assert (second.message, second.reply == first.reply) == (first.message, False)


def test_choosing_a_branch_shows_what_followed_it_last(user: UUID, chat: UUID) -> None:
    first = say(user, chat, "Question")
    answer(first, "One")
    answer(say(user, chat, "More of one"), "Yes")
    second = retry_reply(asking(user, chat), message_id=first.reply)
    answer(second, "Two")
    answer(say(user, chat, "More of two"), "No")
    assert texts(chat) == ["Question", "Two", "More of two", "No"]
    choose_branch(user_id=user, chat_id=chat, message_id=first.reply)
    assert texts(chat) == ["Question", "One", "More of one", "Yes"]
    choose_branch(user_id=user, chat_id=chat, message_id=second.reply)
    assert texts(chat) == ["Question", "Two", "More of two", "No"]


def test_a_branch_remembers_the_choice_that_was_made_inside_it(user: UUID, chat: UUID) -> None:
    first = say(user, chat, "Question")
    answer(first, "One")
    inner = say(user, chat, "Inner")
    answer(inner, "Inner one")
    answer(retry_reply(asking(user, chat), message_id=inner.reply), "Inner two")
    choose_branch(user_id=user, chat_id=chat, message_id=inner.reply)
    answer(retry_reply(asking(user, chat), message_id=first.reply), "Two")
    choose_branch(user_id=user, chat_id=chat, message_id=first.reply)
    assert texts(chat) == ["Question", "One", "Inner", "Inner one"]


def test_an_edit_leaves_the_old_branch_as_it_was(user: UUID, chat: UUID) -> None:
    first = say(user, chat, "Frist")
    answer(first, "What?")
    second = edit_message(asking(user, chat), message_id=first.message, text="First")
    answer(second, "Yes")
    assert texts(chat) == ["First", "Yes"]
    assert shown(chat)[0].siblings == [first.message, second.message]
    choose_branch(user_id=user, chat_id=chat, message_id=first.message)
    assert texts(chat) == ["Frist", "What?"]


def test_who_retries_edits_or_chooses_in_a_branch_that_is_not_shown_any_more_turns_back_to_it(
    user: UUID, chat: UUID
) -> None:
    first = say(user, chat, "Question")
    answer(first, "One")
    inner = say(user, chat, "Inner")
    answer(inner, "Inner one")
    other = retry_reply(asking(user, chat), message_id=first.reply)
    answer(other, "Two")

    def away() -> None:
        choose_branch(user_id=user, chat_id=chat, message_id=other.reply)
        assert texts(chat) == ["Question", "Two"]

    again = retry_reply(asking(user, chat), message_id=inner.reply)
    assert [one.text for one in asked(again).said] == ["Question", "One", "Inner"]
    answer(again, "Inner two")
    assert texts(chat) == ["Question", "One", "Inner", "Inner two"]
    away()
    answer(edit_message(asking(user, chat), message_id=inner.message, text="Innermost"), "Yes")
    assert texts(chat) == ["Question", "One", "Innermost", "Yes"]
    away()
    choose_branch(user_id=user, chat_id=chat, message_id=inner.reply)
    assert texts(chat) == ["Question", "One", "Inner", "Inner one"]


def test_turning_back_to_a_branch_costs_the_same_however_deep_in_it(user: UUID) -> None:
    found = []
    for depth in (2, 20):
        chat = new_chat(user)
        first = say(user, chat, "Question")
        answer(first, "One")
        talk(user, chat, depth)
        deep = shown(chat)[-1].id
        other = retry_reply(asking(user, chat), message_id=first.reply)
        answer(other, "Two")
        who = asking(user, chat)
        with CaptureQueriesContext(connection) as queries:
            again = retry_reply(who, message_id=deep)
        assert len(shown(chat)) == 2 + 2 * depth
        answer(again)
        found.append(len(queries))
        choose_branch(user_id=user, chat_id=chat, message_id=other.reply)
        with CaptureQueriesContext(connection) as queries:
            choose_branch(user_id=user, chat_id=chat, message_id=deep)
        assert [message.id for message in shown(chat)][-1] == deep
        found.append(len(queries))
    assert found[:2] == found[2:]


def test_an_agent_reads_its_own_branch_only(user: UUID, chat: UUID) -> None:
    first = say(user, chat, "Question")
    answer(first, "One")
    second = retry_reply(asking(user, chat), message_id=first.reply)
    said = asked(second).said
    assert [one.text for one in said] == ["Question"]


def test_an_agent_is_asked_the_question_however_much_was_said_since(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "HISTORY_ROWS", 4)
    monkeypatch.setattr(questions, "FIRST_ROWS", 2)
    answer(say(user, chat, "Before"), "Said")
    first = say(user, chat, "Question")
    answer(first, "One")
    for number in range(5):
        answer(say(user, chat, f"Later {number}"), "Yes")
    again = retry_reply(asking(user, chat), message_id=first.reply)
    assert [one.text for one in asked(again).said] == ["Before", "Said", "Question"]
    answer(again, "Two")
    edited = edit_message(asking(user, chat), message_id=first.message, text="Other")
    assert [one.text for one in asked(edited).said] == ["Before", "Said", "Other"]
    # As many of them as of any history.
    monkeypatch.setattr(questions, "HISTORY_ROWS", 2)
    assert [one.text for one in asked(edited).said] == ["Said", "Other"]


@pytest.mark.parametrize("status", ["stopped", "interrupted", "failed"])
def test_a_reply_that_was_cut_off_goes_on_in_the_same_message(user: UUID, chat: UUID, status: str) -> None:
    first = say(user, chat, "Question")
    answer(first, "Half an ", status=status)  # type: ignore[arg-type]  # parametrised
    second = continue_reply(asking(user, chat), message_id=first.reply)
    assert (second.reply, second.message) == (first.reply, first.message)
    question = asked(second)
    assert [one.text for one in question.said] == ["Question", "Half an "]
    assert question.continues == f"{first.run}.1"
    reply = Message.objects.get(id=first.reply)
    assert (reply.status, reply.run_id, reply.error_code) == ("streaming", second.run, "")
    answer(second, "answer", part=question.continues)
    assert texts(chat) == ["Question", "Half an answer"]
    assert shown(chat)[1].status == "complete"


def test_only_the_last_reply_that_was_cut_off_can_go_on(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first, "Whole")
    with pytest.raises(NotAllowed):
        continue_reply(asking(user, chat), message_id=first.reply)
    with pytest.raises(NotAllowed):
        continue_reply(asking(user, chat), message_id=first.message)
    second = say(user, chat)
    answer(second, "Half", status="stopped")
    answer(say(user, chat), "Whole")
    with pytest.raises(NotAllowed):
        continue_reply(asking(user, chat), message_id=second.reply)


def test_a_reply_that_is_as_long_as_one_may_be_goes_on_no_more(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MAX_REPLY", 1000)
    first = say(user, chat)
    answer(first, "x" * 800, status="stopped")
    second = continue_reply(asking(user, chat), message_id=first.reply)
    answer(second, "x" * 200, status="stopped")
    with pytest.raises(NotAllowed, match="new message"):
        continue_reply(asking(user, chat), message_id=first.reply)
    assert not Chat.objects.filter(id=chat, runs__status="running").exists()
    assert say(user, chat).started is not None


def test_nothing_of_the_tree_moves_while_a_reply_is_being_written(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first, "One")
    answer(retry_reply(asking(user, chat), message_id=first.reply), "Two")
    say(user, chat)
    with pytest.raises(ChatBusy):
        retry_reply(asking(user, chat), message_id=first.reply)
    with pytest.raises(ChatBusy):
        edit_message(asking(user, chat), message_id=first.message, text="Other")
    with pytest.raises(ChatBusy):
        choose_branch(user_id=user, chat_id=chat, message_id=first.reply)


def test_a_repeated_command_makes_nothing_more(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first, "Half", status="stopped")
    again = asking(user, chat, client_id="again")
    retried = retry_reply(again, message_id=first.reply)
    assert retry_reply(again, message_id=first.reply).started is None
    answer(retried, "Half", status="stopped")
    goes_on = asking(user, chat, client_id="goes on")
    continued = continue_reply(goes_on, message_id=retried.reply)
    repeated = continue_reply(goes_on, message_id=retried.reply)
    assert (repeated.run, repeated.reply, repeated.started) == (continued.run, continued.reply, None)
    answer(continued)
    edited = asking(user, chat, client_id="edited")
    wanted = edit_message(edited, message_id=first.message, text="Other")
    assert edit_message(edited, message_id=first.message, text="Other").run == wanted.run
    assert Run.objects.count() == 4


def test_the_tree_of_another_is_not_there(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first, "Half", status="stopped")
    stranger = new_user()
    other = new_chat(stranger)
    for who in (asking(stranger, chat), asking(stranger, other), asking(user, uuid4())):
        with pytest.raises(NotFound):
            retry_reply(who, message_id=first.reply)
        with pytest.raises(NotFound):
            continue_reply(who, message_id=first.reply)
        with pytest.raises(NotFound):
            edit_message(who, message_id=first.message, text="Mine")
        with pytest.raises(NotFound):
            choose_branch(user_id=who.user_id, chat_id=who.chat_id, message_id=first.reply)


def test_a_reply_cannot_be_edited_nor_a_message_retried(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first)
    with pytest.raises(NotAllowed):
        edit_message(asking(user, chat), message_id=first.reply, text="Other")
    with pytest.raises(NotAllowed):
        retry_reply(asking(user, chat), message_id=first.message)


def test_choosing_what_is_shown_changes_nothing_and_announces_nothing(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first)
    version = Chat.objects.get(id=chat).version
    with announced() as moves:
        choose_branch(user_id=user, chat_id=chat, message_id=first.reply)
    assert (Chat.objects.get(id=chat).version, moves) == (version, [])


def test_who_has_the_list_alone_knows_the_chats_version_after_a_choice(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first, "One")
    answer(retry_reply(asking(user, chat), message_id=first.reply), "Two")
    before = selectors.list_versions([user])[user]
    choose_branch(user_id=user, chat_id=chat, message_id=first.reply)
    version = Chat.objects.get(id=chat).version
    change = selectors.list_change(user_id=user, after=before)
    assert [(one.id, one.version) for one in change.chats] == [(chat, version)]


def test_what_is_not_shown_any_more_is_removed_from_clients(user: UUID, chat: UUID) -> None:
    first = say(user, chat)
    answer(first, "One")
    version = Chat.objects.get(id=chat).version
    second = retry_reply(asking(user, chat), message_id=first.reply)
    change = selectors.chat_change(chat, version)
    assert change is not None
    assert change.change.removed == [first.reply]
    assert [message.id for message in change.change.messages] == [second.reply]


def test_a_message_after_an_edit_is_posted_at_the_end_of_what_is_shown(user: UUID, chat: UUID) -> None:
    first = say(user, chat, "One")
    answer(first, "1")
    answer(edit_message(asking(user, chat), message_id=first.message, text="Two"), "2")
    choose_branch(user_id=user, chat_id=chat, message_id=first.message)
    answer(post_message(asking(user, chat), text="Three"), "3")
    assert texts(chat) == ["One", "1", "Three", "3"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["post", "retry", "edit", "choose"]), max_size=12), st.integers(0, 10**6))
def test_a_page_of_any_size_has_the_siblings_that_each_message_has_by_itself(commands: list[str], which: int) -> None:
    user = new_user()
    chat = new_chat(user)
    answer(say(user, chat))
    for number, command in enumerate(commands):
        role = {"retry": "assistant", "edit": "user"}.get(command)
        wanted = Message.objects.filter(chat=chat, **({"role": role, "shown": True} if role else {})).order_by(
            "position"
        )
        message = wanted[(which >> number) % wanted.count()].id
        match command:
            case "post":
                answer(say(user, chat))
            case "retry":
                answer(retry_reply(asking(user, chat), message_id=message))
            case "edit":
                answer(edit_message(asking(user, chat), message_id=message, text="Edited"))
            case _:
                choose_branch(user_id=user, chat_id=chat, message_id=message)
    path = [message.id for message in shown(chat)]
    by_itself = [selectors.message_for(user_id=user, chat_id=chat, message_id=message) for message in path]
    assert shown(chat) == by_itself
    for limit in range(1, len(path) + 2):
        page, earlier = selectors.message_page(user_id=user, chat_id=chat, limit=limit)
        assert page == by_itself[-limit:]
        assert earlier is (limit < len(path))
