"""State plus change is fresh state: for one chat, whatever was done to it, from whatever version on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import selectors
from chat.models import Chat, Message
from chat.protocol.codes import NotAllowed
from chat.protocol.frames import FRAME_BUDGET, encode_object
from chat.protocol.objects import ChatObject, MessageObject, RunObject, TextPart
from chat.selectors import PAGE
from chat.selectors.chats import CHANGED_ROWS
from chat.selectors.rows import CLIP_BYTES
from chat.services.chats import delete_chat, edit_chat
from chat.services.messages import (
    Asking,
    Posted,
    choose_branch,
    continue_reply,
    edit_message,
    retry_reply,
)
from chat.services.runs import request_stop
from chat.services.workers import register_worker
from tests.chats import answer, asking, new_chat, new_user, say, talk

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


@dataclass
class Known:
    """A chat as a client holds it."""

    chat: ChatObject
    messages: dict[UUID, MessageObject] = field(default_factory=dict)
    live: set[UUID] = field(default_factory=set)

    @classmethod
    def fresh(cls, chat: UUID) -> Known:
        found = selectors.snapshot(chat)
        assert found is not None
        return cls(found.chat, {message.id: message for message in found.messages}, {run.run for run in found.runs})

    def apply(self, change: selectors.ChatChange) -> Known:
        assert change.after == self.chat.version
        assert change.change.chat is not None
        assert change.version == change.change.chat.version
        messages = self.messages | {message.id: message for message in change.change.messages}
        for removed in change.change.removed:
            messages.pop(removed, None)
        ended = {run.run for run in change.change.runs if run.status != "running"}
        begun = {run.run for run in change.change.runs if run.status == "running"}
        return Known(change.change.chat, messages, (self.live | begun) - ended)


_TALK = ["post", "post", "answer", "answer", "fail", "stop", "rename", "archive", "look"]
_TREE = ["retry", "edit", "continue", "choose", "choose"]
_commands = st.lists(st.sampled_from([*_TALK, *_TREE]), max_size=20)


def branch(who: Asking, command: str, number: int) -> Posted | None:
    """Do something to the tree, to one or another of its messages where there is one that it can be done to."""
    wanted = Message.objects.filter(
        chat=who.chat_id,
        role="user" if command == "edit" else "assistant",
        shown=command != "choose",
        **({"status__in": ["failed", "stopped"]} if command == "continue" else {}),
    )
    found = list(wanted.order_by("position").values_list("id", flat=True))
    if not found:
        return None
    message = found[number % len(found)]
    match command:
        case "retry":
            return retry_reply(who, message_id=message)
        case "edit":
            return edit_message(who, message_id=message, text=f"edited {number}")
        case "continue":
            try:
                return continue_reply(who, message_id=message)
            except NotAllowed:
                return None
        case _:
            choose_branch(user_id=who.user_id, chat_id=who.chat_id, message_id=message)
            return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_commands)
def test_state_plus_change_is_fresh_state(commands: list[str]) -> None:
    user = new_user()
    chat = new_chat(user)
    worker = register_worker(name="w")
    known = [Known.fresh(chat)]
    running: Posted | None = None
    for number, command in enumerate(commands):
        match command:
            case "post" if running is None:
                running = say(user, chat, f"text {number}", worker=worker)
            case "answer" | "fail" if running is not None:
                answer(running, f"answer {number}", status="completed" if command == "answer" else "failed")
                running = None
            case "stop" if running is not None:
                request_stop(user_id=user, run_id=running.run)
            case "rename":
                edit_chat(user_id=user, chat_id=chat, title=f"title {number}")
            case "archive":
                edit_chat(user_id=user, chat_id=chat, archived=bool(number % 2))
            case "retry" | "edit" | "continue" | "choose" if running is None:
                running = branch(asking(user, chat, worker=worker), command, number)
            case "look":
                known.append(Known.fresh(chat))
    fresh = Known.fresh(chat)
    for state in known:
        change = selectors.chat_change(chat, state.chat.version)
        assert change is not None
        assert state.apply(change) == fresh


def test_nothing_has_changed_after_the_present_version(user: UUID, chat: UUID) -> None:
    talk(user, chat)
    change = selectors.chat_change(chat, 3)
    assert change is not None
    assert (change.after, change.version) == (3, 3)
    assert (change.change.messages, change.change.removed, change.change.runs) == ([], [], [])


@pytest.mark.parametrize("after", [0, -1, -(10**30), 4, 10**30])
def test_a_version_that_never_was_gets_a_snapshot(user: UUID, chat: UUID, after: int) -> None:
    talk(user, chat)
    assert selectors.chat_change(chat, after) is None


def test_a_chat_that_is_missing_or_deleted_has_neither_change_nor_snapshot(user: UUID, chat: UUID) -> None:
    delete_chat(user_id=user, chat_id=chat)
    for gone in (chat, uuid4()):
        assert selectors.chat_change(gone, 1) is None
        assert selectors.snapshot(gone) is None


def rows(chat: UUID, count: int, text: str = "x") -> None:
    """So many messages in one new version, without the time that posting them takes."""
    version = Chat.objects.get(id=chat).version + 1
    ids = [uuid4() for _ in range(count)]
    Message.objects.bulk_create(
        Message(
            id=ids[position - 1],
            parent_id=ids[position - 2] if position > 1 else None,
            chat_id=chat,
            position=position,
            version=version,
            role="user",
            status="complete",
            parts=[{"type": "text", "id": "p", "text": text}],
        )
        for position in range(1, count + 1)
    )
    Chat.objects.filter(id=chat).update(version=version, last_position=count)


def one_more(chat: UUID, position: int) -> None:
    """Another message like the first, in the same version."""
    row = Message.objects.get(chat=chat, position=1)
    row.pk, row.position = uuid4(), position
    row.parent = Message.objects.get(chat=chat, position=position - 1)
    row.save(force_insert=True)


def test_too_many_changed_messages_are_better_sent_as_a_snapshot(chat: UUID) -> None:
    rows(chat, CHANGED_ROWS)
    change = selectors.chat_change(chat, 1)
    assert change is not None
    assert len(change.change.messages) == CHANGED_ROWS
    one_more(chat, CHANGED_ROWS + 1)
    assert selectors.chat_change(chat, 1) is None


def test_changed_messages_that_fill_more_than_a_frame_are_better_sent_as_a_snapshot(chat: UUID) -> None:
    rows(chat, 4, "x" * (CLIP_BYTES - 1000))
    assert selectors.chat_change(chat, 1) is not None
    one_more(chat, 5)
    assert selectors.chat_change(chat, 1) is None


def test_a_snapshot_is_the_newest_page(chat: UUID) -> None:
    rows(chat, PAGE + 1)
    found = selectors.snapshot(chat)
    assert found is not None
    assert [message.position for message in found.messages] == list(range(2, PAGE + 2))
    assert found.earlier


def meanwhile(read: Callable[[], object], before: int, happens: Callable[[], object]) -> object:
    """What is read where something happens before one of its statements, as another's would."""
    statements = 0

    def execute(run: Callable[..., object], *args: object) -> object:
        nonlocal statements
        statements += 1
        if statements == before:
            happens()
        return run(*args)

    with connection.execute_wrapper(execute):
        found = read()
    assert statements > before
    return found


@pytest.mark.parametrize(
    ("happens", "before"),
    [("first question", 2), ("first question", 3), ("question", 2), ("end of reply", 2), ("end of reply", 3)],
)
def test_what_happens_while_a_snapshot_is_read_is_whole_in_it(
    user: UUID, chat: UUID, happens: str, before: int
) -> None:
    live = None if happens == "first question" else say(user, chat)
    if happens == "question" and live is not None:
        answer(live)
    happening = partial(answer, live) if happens == "end of reply" and live is not None else partial(say, user, chat)
    found = meanwhile(partial(selectors.snapshot, chat), before, happening)
    assert found == selectors.snapshot(chat)


@pytest.mark.parametrize("happens", ["first question", "question", "end of reply", "rename"])
@pytest.mark.parametrize("before", [2, 3])
def test_what_happens_while_a_change_is_read_is_whole_in_it(user: UUID, chat: UUID, happens: str, before: int) -> None:
    edit_chat(user_id=user, chat_id=chat, title="Tides")
    happening: Callable[[], object] = partial(say, user, chat)
    match happens:
        case "question":
            talk(user, chat)
        case "end of reply":
            happening = partial(answer, say(user, chat))
        case "rename":
            happening = partial(edit_chat, user_id=user, chat_id=chat, title="Ebb")
    found = meanwhile(partial(selectors.chat_change, chat, 1), before, happening)
    assert found == selectors.chat_change(chat, 1)


@pytest.mark.parametrize("character", ["x", "\x01", "漢", "😀"])
def test_pages_are_cut_by_size_so_that_a_frame_stays_below_its_limit(chat: UUID, character: str) -> None:
    rows(chat, 12, character * 20_000)
    found = selectors.snapshot(chat)
    assert found is not None
    size = sum(len(encode_object(message)) for message in found.messages)
    assert size <= FRAME_BUDGET
    assert [message.position for message in found.messages] == list(range(13 - len(found.messages), 13))
    assert found.earlier is (len(found.messages) < 12)


@pytest.mark.parametrize("character", ["x", "\x01", "漢", "😀", '"'])
def test_a_very_long_message_is_clipped_in_frames_and_whole_by_itself(user: UUID, chat: UUID, character: str) -> None:
    text = character * 120_000
    posted = say(user, chat, text)
    found = selectors.snapshot(chat)
    assert found is not None
    message = found.messages[0]
    assert message.clipped is True
    assert isinstance(message.parts, list)
    (part,) = message.parts
    assert isinstance(part, TextPart)
    assert text.startswith(part.text)
    assert part.text
    assert len(encode_object(message)) <= CLIP_BYTES + 1024  # what a message has beside its parts
    whole = selectors.message_for(user_id=user, chat_id=chat, message_id=posted.message)
    assert whole.parts == [TextPart(str(posted.message), text)]
    change = selectors.chat_change(chat, 1)
    assert change is not None
    assert change.change.messages[0] == message


def test_runs_are_told_with_the_seq_that_they_stand_for(user: UUID, chat: UUID) -> None:
    posted = say(user, chat)
    found = selectors.snapshot(chat)
    assert found is not None
    assert found.runs == [RunObject(posted.run, chat, posted.reply, "assistant", "running", 0)]
    assert found.chat.live
    answer(posted)
    assert selectors.runs_of([posted.run, uuid4()]) == {
        posted.run: RunObject(posted.run, chat, posted.reply, "assistant", "completed", 5)
    }
    again = selectors.snapshot(chat)
    assert again is not None
    assert (again.runs, again.chat.live) == ([], False)


def test_a_message_of_very_many_parts_fits_a_frame_too(user: UUID, chat: UUID) -> None:
    posted = say(user, chat)
    answer(posted, "", status="stopped")
    parts = [{"type": "text", "id": f"{number:050}", "text": ""} for number in range(20_000)]
    Message.objects.filter(id=posted.reply).update(parts=parts)
    found = selectors.snapshot(chat)
    assert found is not None
    assert found.messages[1].clipped is True
    assert len(encode_object(found.messages[1])) <= 2 * CLIP_BYTES
