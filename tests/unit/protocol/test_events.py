"""Events are AG-UI's, and are repaired before they are logged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ag_ui.core import Event as PublishedEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chat.protocol.events import (
    CANCELLED,
    MAX_DELTA,
    MAX_NAME,
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageEnd,
    ReasoningMessageStart,
    RunError,
    RunFinished,
    RunStarted,
    TextMessageContent,
    TextMessageEnd,
    TextMessageStart,
    TokenUsage,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallResult,
    ToolCallStart,
    clean,
    cleaned,
    decode_event,
)

EVENTS: list[AnyEvent] = [
    RunStarted(thread_id="t", run_id="r"),
    TextMessageStart(message_id="m"),
    TextMessageContent(message_id="m", delta="Hallo, Welt"),
    TextMessageEnd(message_id="m"),
    ReasoningMessageStart(message_id="m"),
    ReasoningMessageContent(message_id="m", delta="Hm"),
    ReasoningMessageEnd(message_id="m"),
    ToolCallStart(tool_call_id="c", tool_call_name="search"),
    ToolCallArgs(tool_call_id="c", delta='{"q":'),
    ToolCallEnd(tool_call_id="c"),
    ToolCallResult(message_id="m", tool_call_id="c", content="none"),
    ToolCallResult(message_id="m", tool_call_id="c", content="none", metadata={"truncated": True}),
    RunFinished(thread_id="t", run_id="r"),
    RunFinished(thread_id="t", run_id="r", outcome=CANCELLED, usage=[TokenUsage(model="x", input_tokens=1)]),
    RunError(message="It broke.", code="agent_failed"),
    RunError(message="It broke.", code="agent_failed", usage=[TokenUsage(output_tokens=7)]),
]
published: TypeAdapter[Any] = TypeAdapter(PublishedEvent)

# Surrogates and control characters included: a model's text may be anything that a str may be.
anything = st.text(st.characters(codec=None))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_what_ag_ui_publishes_field_by_field(event: AnyEvent) -> None:
    data = msgspec.to_builtins(event)
    read = published.validate_python(data)
    # Published models accept unknown fields, so equality is the test.
    assert read.model_dump(mode="json", by_alias=True, exclude_none=True) == data
    assert read.model_extra in ({}, None)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_log(event: AnyEvent) -> None:
    assert decode_event(msgspec.json.encode(event)) == event


@pytest.mark.parametrize("data", ["{}", "[]", "null", "{", '{"type":"RUN"}', '{"type":"TEXT_MESSAGE_END"}'])
def test_what_is_no_event_is_refused(data: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_event(data)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("plain", "plain"),
        ("é 漢 😀", "é 漢 😀"),
        ("a\x00b\x00", "ab"),
        ("\x00", ""),
        ("\ud83d\ude00", "😀"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ufeffa\ud800", "\ufeffa\ufffd"),
    ],
)
def test_a_text_is_repaired_and_loses_nothing_else(text: str, repaired: str) -> None:
    assert clean(text) == repaired


@given(anything)
def test_a_cleaned_text_can_be_stored_anywhere(text: str) -> None:
    once = clean(text)
    once.encode()
    assert "\x00" not in once
    assert clean(once) is once


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_a_sound_text_is_not_touched(text: str) -> None:
    assert clean(text) is text


def events_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[AnyEvent]:
    name = st.one_of(anything, st.just("x" * 5000))
    return st.one_of(
        st.builds(TextMessageStart, message_id=name),
        st.builds(TextMessageContent, message_id=name, delta=text),
        st.builds(TextMessageEnd, message_id=name),
        st.builds(ReasoningMessageStart, message_id=name),
        st.builds(ReasoningMessageContent, message_id=name, delta=text),
        st.builds(ReasoningMessageEnd, message_id=name),
        st.builds(ToolCallStart, tool_call_id=name, tool_call_name=name),
        st.builds(ToolCallArgs, tool_call_id=name, delta=text),
        st.builds(ToolCallEnd, tool_call_id=name),
        st.builds(ToolCallResult, message_id=name, tool_call_id=name, content=text),
        st.builds(RunError, message=text, code=st.one_of(st.none(), name)),
    )


@given(events_of(anything))
def test_every_cleaned_event_can_be_encoded_and_has_short_names_and_no_nul(event: AnyEvent) -> None:
    for each in cleaned(event):
        assert b"\\u0000" not in msgspec.json.encode(each)
        for field in ("message_id", "tool_call_id", "tool_call_name", "code"):
            assert len(getattr(each, field, None) or "") <= MAX_NAME


@given(events_of(anything))
def test_cleaning_again_changes_nothing(event: AnyEvent) -> None:
    once = list(cleaned(event))
    assert [again for each in once for again in cleaned(each)] == once


@given(st.integers(0, 3 * MAX_DELTA), st.sampled_from(["a", "é", "\x01"]))
def test_a_long_delta_is_split_into_pieces_that_join_again(length: int, character: str) -> None:
    whole = TextMessageContent(message_id="m", delta=character * length)
    pieces = list(cleaned(whole))
    assert "".join(piece.delta for piece in pieces) == whole.delta  # type: ignore[union-attr]
    assert all(0 < len(piece.delta) <= MAX_DELTA for piece in pieces)  # type: ignore[union-attr]
    assert len(pieces) == -(-length // MAX_DELTA)


def test_a_long_tool_result_is_cut_and_says_so() -> None:
    (kept,) = cleaned(ToolCallResult(message_id="m", tool_call_id="c", content="x" * MAX_DELTA))
    assert kept.metadata is None  # type: ignore[union-attr]
    (cut,) = cleaned(ToolCallResult("m", "c", "x" * (MAX_DELTA + 1), metadata={"own": 1}))
    assert isinstance(cut, ToolCallResult)
    assert (len(cut.content), cut.metadata) == (MAX_DELTA, {"own": 1, "truncated": True})


def test_a_delta_that_needs_no_repair_is_passed_on_as_it_is() -> None:
    event = TextMessageContent(message_id="m", delta="word ")
    assert [each is event for each in cleaned(event)] == [True]
    assert list(cleaned(TextMessageContent(message_id="m", delta=""))) == []
    assert list(cleaned(TextMessageContent(message_id="m", delta="\x00"))) == []
