"""How runs end: one of all who try, and only with the token that the row has."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chat import selectors
from chat.models import Chat, Message, Run
from chat.protocol.codes import NotFound
from chat.protocol.events import TokenUsage
from chat.protocol.objects import ErrorObject, Part, RunStatus, TextPart, ToolCallPart
from chat.services.chats import delete_chat, title_chat
from chat.services.messages import Posted
from chat.services.runs import finish_run, request_stop, seal_run
from chat.services.workers import register_worker
from tests.chats import announced, answer, new_chat, new_user, say
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


@pytest.fixture
def posted(user: UUID, chat: UUID) -> Posted:
    return say(user, chat)


def token_of(posted: Posted) -> UUID:
    return Run.objects.values_list("token", flat=True).get(id=posted.run)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("completed", "complete"), ("stopped", "stopped"), ("interrupted", "interrupted"), ("failed", "failed")],
)
def test_an_end_gives_the_run_and_its_reply_their_last_state(
    chat: UUID, posted: Posted, status: RunStatus, shown: str
) -> None:
    parts: list[Part] = [TextPart("p", "Hi"), ToolCallPart("c", "search", "{}", "none", "done")]
    assert finish_run(
        run_id=posted.run,
        chat_id=chat,
        token=token_of(posted),
        status=status,
        parts=parts,
        last_seq=9,
        usage=[TokenUsage(model="m", output_tokens=3)],
        error=ErrorObject("some_code", "A sentence.") if status in ("interrupted", "failed") else None,
    )
    run, reply = Run.objects.get(), Message.objects.get(id=posted.reply)
    assert (run.status, run.last_seq, run.usage) == (status, 9, [{"model": "m", "outputTokens": 3}])
    assert run.ended_at is not None
    assert reply.status == shown
    assert (run.error_code, reply.error_code) == 2 * (("some_code",) if status in ("interrupted", "failed") else ("",))
    assert [part["type"] for part in reply.parts] == ["text", "tool_call"]
    assert run.version == reply.version == Chat.objects.get().version == 3


def test_a_run_that_has_ended_is_nobodys_so_that_a_worker_goes_without_rewriting_all_it_has_done(
    posted: Posted,
) -> None:
    answer(posted)
    assert Run.objects.get().owner_id is None


def test_the_end_of_a_run_says_whether_its_chat_has_no_name_yet_and_has_just_begun(user: UUID, chat: UUID) -> None:
    def end() -> bool:
        posted = say(user, chat)
        ended = finish_run(
            run_id=posted.run, chat_id=chat, token=token_of(posted), status="completed", parts=[], last_seq=1
        )
        assert ended is not None
        return ended.unnamed

    assert [end() for _ in range(4)] == [True, True, False, False]
    chat = new_chat(user, title="Mine")
    assert not end()
    chat = new_chat(user)
    assert end()
    title_chat(chat_id=chat, title="A model's")
    assert not end()


def test_a_run_ends_once(chat: UUID, posted: Posted) -> None:
    answer(posted, "First")
    before = list(Message.objects.values())
    assert not finish_run(
        run_id=posted.run, chat_id=chat, token=token_of(posted), status="failed", parts=[], last_seq=1
    )
    assert list(Message.objects.values()) == before
    assert Chat.objects.get().version == 3


def test_a_wrong_token_ends_nothing(chat: UUID, posted: Posted) -> None:
    assert not finish_run(run_id=posted.run, chat_id=chat, token=uuid4(), status="completed", parts=[], last_seq=1)
    assert Run.objects.get().status == "running"
    assert Chat.objects.get().version == 2


def test_a_run_that_is_gone_ends_nothing(chat: UUID) -> None:
    assert not finish_run(run_id=uuid4(), chat_id=chat, token=uuid4(), status="completed", parts=[], last_seq=1)
    assert not finish_run(run_id=uuid4(), chat_id=uuid4(), token=uuid4(), status="completed", parts=[], last_seq=1)


@pytest.mark.django_db(transaction=True)
def test_of_many_ends_at_once_exactly_one_counts(chat: UUID, posted: Posted) -> None:
    token = token_of(posted)
    statuses: list[RunStatus] = ["completed", "stopped", "interrupted", "failed"]

    def end(status: RunStatus) -> bool:
        parts = [TextPart("p", status)]
        ended = finish_run(run_id=posted.run, chat_id=chat, token=token, status=status, parts=[*parts], last_seq=3)
        return ended is not None

    results = at_once(*(lambda status=status: end(status) for status in statuses))
    assert sorted(map(str, results)) == ["False", "False", "False", "True"]
    won = statuses[results.index(True)]
    assert Run.objects.get().status == won
    assert Message.objects.get(id=posted.reply).parts == [{"type": "text", "id": "p", "text": won}]


@pytest.mark.django_db(transaction=True)
def test_a_takeover_and_an_end_at_once_leave_one_winner(chat: UUID, posted: Posted) -> None:
    token, worker = token_of(posted), register_worker(name="other")
    ended, sealed = at_once(
        lambda: finish_run(run_id=posted.run, chat_id=chat, token=token, status="completed", parts=[], last_seq=3),
        lambda: seal_run(run_id=posted.run, token=token, worker_id=worker),
    )
    assert (ended is None) is (sealed is not None)
    assert Run.objects.get().status == ("completed" if ended else "running")


@pytest.mark.django_db(transaction=True)
def test_an_end_is_announced_once_it_is_committed(user: UUID, chat: UUID, posted: Posted) -> None:
    with announced() as moves:
        assert not finish_run(run_id=posted.run, chat_id=chat, token=uuid4(), status="completed", parts=[], last_seq=1)
        answer(posted)
    (move,) = moves
    assert (move.chats, move.users) == ({chat: 3}, selectors.list_versions([user]))


def test_sealing_changes_the_token_so_that_the_old_owner_is_refused(chat: UUID, posted: Posted) -> None:
    token, worker = token_of(posted), register_worker(name="other")
    sealed = seal_run(run_id=posted.run, token=token, worker_id=worker)
    assert sealed is not None
    assert sealed != token
    assert (Run.objects.get().token, Run.objects.get().owner_id) == (sealed, worker)
    assert not finish_run(run_id=posted.run, chat_id=chat, token=token, status="completed", parts=[], last_seq=1)
    assert seal_run(run_id=posted.run, token=token, worker_id=worker) is None
    assert finish_run(run_id=posted.run, chat_id=chat, token=sealed, status="interrupted", parts=[], last_seq=1)


def test_a_run_that_has_ended_cannot_be_sealed(posted: Posted) -> None:
    answer(posted)
    assert seal_run(run_id=posted.run, token=token_of(posted), worker_id=register_worker(name="other")) is None


@pytest.mark.django_db(transaction=True)
def test_the_wish_to_stop_is_recorded_and_announced(user: UUID, posted: Posted) -> None:
    with announced() as moves:
        request_stop(user_id=user, run_id=posted.run)
        request_stop(user_id=user, run_id=posted.run)
    assert [move.stops for move in moves] == [(posted.run,), (posted.run,)]
    assert selectors.question(posted.reply, budget=1) is None
    assert Run.objects.get().status == "running"


@pytest.mark.django_db(transaction=True)
def test_a_run_that_has_ended_stays_as_it_is(user: UUID, posted: Posted) -> None:
    answer(posted)
    with announced() as moves:
        request_stop(user_id=user, run_id=posted.run)
    assert (moves, Run.objects.get().stop_requested) == ([], False)


def test_only_a_member_can_stop_a_run(user: UUID, posted: Posted) -> None:
    for person, run in ((new_user(), posted.run), (user, uuid4())):
        with pytest.raises(NotFound):
            request_stop(user_id=person, run_id=run)
    assert selectors.question(posted.reply, budget=1) is not None


@pytest.mark.django_db(transaction=True)
def test_deleting_a_chat_stops_its_run(user: UUID, chat: UUID, posted: Posted) -> None:
    with announced() as moves:
        delete_chat(user_id=user, chat_id=chat)
    assert [run for move in moves for run in move.stops] == [posted.run]
    assert selectors.question(posted.reply, budget=1) is None
    with pytest.raises(NotFound):
        request_stop(user_id=user, run_id=posted.run)
    # Its end is kept all the same, should the chat be restored.
    answer(posted, "half", status="stopped")
    assert Message.objects.get(id=posted.reply).status == "stopped"


def test_a_run_that_is_gone_should_stop() -> None:
    assert selectors.question(uuid4(), budget=1) is None
