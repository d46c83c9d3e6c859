"""Frames to clients: each is JSON that reads back as what was meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from chat.protocol.codes import ChatBusy, Draining
from chat.protocol.frames import (
    Ack,
    ChatChanged,
    ChatsChanged,
    ChatSnapshot,
    ErrorFrame,
    Frame,
    Hello,
    Limits,
    RunEvents,
    encode,
    encode_object,
    error,
    run_events,
    run_events_of,
)
from chat.protocol.objects import (
    AgentObject,
    Change,
    ChatObject,
    ErrorObject,
    MessageObject,
    ReasoningPart,
    RunObject,
    TextPart,
    ToolCallPart,
    UserObject,
)

CHAT, RUN, MESSAGE, USER = (UUID(int=number) for number in range(1, 5))
THEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

chat = ChatObject(
    CHAT, "Tïtle", "assistant", 7, archived=False, pinned=True, live=True, created_at=THEN, updated_at=THEN
)
message = MessageObject(
    id=MESSAGE,
    chat=CHAT,
    position=1,
    parent=None,
    role="assistant",
    author=None,
    client_id=None,
    status="failed",
    run=RUN,
    error=ErrorObject("agent_failed", "It broke."),
    created_at=THEN,
    parts=[TextPart("m", "hi"), ReasoningPart("n", "hm"), ToolCallPart("c", "search", "{}", None, "calling")],
)
bare = msgspec.structs.replace(message, parts=UNSET, error=None)
run = RunObject(RUN, CHAT, MESSAGE, "assistant", "running", 3)
FRAMES: list[Frame] = [
    Hello(1, UserObject(USER, "Ada", guest=False), "server", Limits(1, 2, 3, 4, 5, 6), [AgentObject("a", "A")]),
    Ack("c1"),
    Ack("c1", chat=chat),
    Ack("c1", resumed=False),
    Ack("c1", message=MESSAGE, reply=MESSAGE, run=RUN),
    ErrorFrame("chat_busy", "Wait."),
    ErrorFrame("draining", "Later.", id="c1", retry_after=1.0),
    ChatSnapshot(chat, 7, [message, bare], earlier=True, runs=[run]),
    ChatChanged(CHAT, 6, 7, Change(chat=chat, messages=[bare], removed=[MESSAGE], runs=[run])),
    ChatChanged(CHAT, 6, 7, Change()),
    RunEvents(CHAT, RUN, 3, 4, [msgspec.Raw(b'{"type":"TEXT_MESSAGE_END","messageId":"m"}')]),
    ChatsChanged([chat], [CHAT]),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_every_frame_reads_back_as_it_was(frame: Frame) -> None:
    sendable = encode(frame)
    again = msgspec.json.decode(sendable.text, type=Frame)
    assert msgspec.json.encode(again) == sendable.text.encode()
    if not isinstance(frame, RunEvents):
        assert again == frame


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frames_size_is_its_bytes(frame: Frame) -> None:
    sendable = encode(frame)
    assert sendable.size == len(sendable.text.encode())


def test_frames_are_told_apart_by_type() -> None:
    assert {json.loads(encode(frame).text)["type"] for frame in FRAMES} == {
        *("hello", "ack", "error", "chat.snapshot", "chat.changed", "run.events", "chats.changed")
    }


def test_times_are_iso_in_utc_and_absent_parts_are_left_out() -> None:
    sent = json.loads(encode(ChatChanged(CHAT, 1, 2, Change(messages=[bare]))).text)
    (one,) = sent["change"]["messages"]
    assert "parts" not in one
    assert "clipped" not in one
    assert one["created_at"] == "2026-01-02T03:04:05.678901Z"
    assert set(sent["change"]) == {"messages"}
    assert json.loads(encode(Ack("c1")).text) == {"type": "ack", "id": "c1"}


_events = st.lists(st.text(max_size=20).map(lambda text: {"type": "TEXT_MESSAGE_CONTENT", "delta": text}), max_size=5)


@given(_events, st.integers(0, 2**53), st.integers(0, 2**53))
def test_joined_events_are_the_frame_that_the_struct_makes(events: list[dict[str, str]], after: int, seq: int) -> None:
    encoded = [encode_object(event) for event in events]
    struct = RunEvents(CHAT, RUN, after, seq, [msgspec.Raw(data) for data in encoded])
    assert run_events(run_events_of(CHAT, RUN), after, seq, encoded).decode() == encode(struct).text


def test_an_error_becomes_the_frame_that_answers_its_command() -> None:
    assert error(ChatBusy(), "c1") == ErrorFrame("chat_busy", ChatBusy().message, id="c1")
    assert error(Draining("Later.", retry_after=2.0)) == ErrorFrame("draining", "Later.", retry_after=2.0)
