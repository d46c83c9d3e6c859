"""A run's events, held as text: whatever was said, any reader at any cut gets exactly the rest."""

from __future__ import annotations

import json
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.protocol.events import (
    MAX_DELTA,
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageStart,
    RunFinished,
    RunStarted,
    TextMessageContent,
    TextMessageEnd,
    TextMessageStart,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallResult,
    ToolCallStart,
    cleaned,
    decode_event,
)
from chat.protocol.frames import FRAME_BUDGET, run_events, run_events_of
from chat.protocol.objects import Part, ReasoningPart, TextPart, ToolCallPart
from chat.protocol.transcript import Transcript, entry

EVERYTHING = 10**9
MOST = 512 * 1024
"""Bytes of a frame, which every one has to stay below."""

# Few ids, so that events meet; texts with what JSON escapes and with what takes four bytes.
_ids = st.sampled_from(["m1", "m2", 'quo"te'])
_texts = st.text(st.sampled_from('ab \n"\\\x01é漢😀'), max_size=12)
_events = st.one_of(
    st.builds(TextMessageStart, message_id=_ids),
    st.builds(TextMessageContent, message_id=_ids, delta=_texts),
    st.builds(TextMessageContent, message_id=_ids, delta=_texts),
    st.builds(TextMessageEnd, message_id=_ids),
    st.builds(ReasoningMessageStart, message_id=_ids),
    st.builds(ReasoningMessageContent, message_id=_ids, delta=_texts),
    st.builds(ToolCallStart, tool_call_id=_ids, tool_call_name=_texts),
    st.builds(ToolCallArgs, tool_call_id=_ids, delta=_texts),
    st.builds(ToolCallEnd, tool_call_id=_ids),
    st.builds(ToolCallResult, message_id=_ids, tool_call_id=_ids, content=_texts),
)
sequences = st.lists(_events, max_size=40)


def of(events: list[AnyEvent]) -> tuple[Transcript, list[bytes]]:
    """The transcript of `events`, and what a log has of them."""
    transcript, logged = Transcript(), []
    for event in events:
        for each in cleaned(event):
            transcript.append(entry(each))
            logged.append(entry(each).json())
    return transcript, logged


def rebuilt(slices: list[bytes]) -> list[Part]:
    again = Transcript()
    for data in slices:
        again.append_json(data)
    return again.parts()


@given(sequences)
def test_each_event_is_logged_as_what_it_is(events: list[AnyEvent]) -> None:
    for event in events:
        for each in cleaned(event):
            assert decode_event(entry(each).json()) == each


@given(sequences, st.data())
def test_the_log_can_be_written_again_byte_for_byte(events: list[AnyEvent], data: st.DataObject) -> None:
    transcript, logged = of(events)
    assert transcript.seq == len(logged)
    after = data.draw(st.integers(0, len(logged)))
    assert list(transcript.entries(after)) == list(enumerate(logged, 1))[after:]


@given(sequences)
def test_what_is_read_from_a_log_is_the_same_transcript(events: list[AnyEvent]) -> None:
    transcript, logged = of(events)
    again = Transcript()
    assert [again.append_json(data) for data in logged] == list(range(1, len(logged) + 1))
    assert list(again.entries(0)) == list(transcript.entries(0))
    assert (again.parts(), again.size) == (transcript.parts(), transcript.size)


@given(sequences, st.integers(1, 400), st.data())
def test_slices_of_any_size_from_any_cut_make_the_same_parts(
    events: list[AnyEvent], budget: int, data: st.DataObject
) -> None:
    transcript, logged = of(events)
    cut = data.draw(st.integers(0, len(logged)))
    read, after = logged[:cut], cut
    while after < transcript.seq:
        reached, part = transcript.since(after, budget)
        assert after < reached <= transcript.seq
        assert part
        assert sum(len(event) + 1 for event in part) <= budget or (len(part) == 1 and reached == after + 1)
        read, after = read + part, reached
    assert rebuilt(read) == transcript.parts()
    assert transcript.since(transcript.seq, budget) == (transcript.seq, [])


@given(sequences)
def test_a_reader_that_keeps_up_gets_each_event_as_it_was_logged(events: list[AnyEvent]) -> None:
    transcript, logged = of(events)
    grown = Transcript()
    for number, data in enumerate(logged):
        grown.append_json(data)
        assert grown.since(number, EVERYTHING) == (number + 1, [data])
    assert list(grown.entries(0)) == list(transcript.entries(0))


def test_consecutive_deltas_of_one_part_go_out_as_one_event() -> None:
    transcript, _ = of([TextMessageContent(message_id="m", delta=f"w{number} ") for number in range(1000)])
    reached, events = transcript.since(3, EVERYTHING)
    assert (reached, len(events)) == (1000, 1)
    text = "".join(f"w{number} " for number in range(3, 1000))
    assert decode_event(events[0]) == TextMessageContent(message_id="m", delta=text)


@pytest.mark.parametrize("character", ["a", "\x01", "漢", "😀"])
def test_a_frame_of_the_longest_events_stays_below_the_limit(character: str) -> None:
    long = character * MAX_DELTA
    transcript, _ = of(
        [
            TextMessageContent(message_id="m", delta="a" * (FRAME_BUDGET - 200)),
            *(TextMessageContent(message_id="m", delta=long) for _ in range(3)),
            ToolCallStart(tool_call_id="i" * 9999, tool_call_name="n" * 9999),
            ToolCallResult(message_id="m", tool_call_id="c", content=long + long),
        ]
    )
    assert frames_below_the_limit(transcript) >= transcript.size // MOST


def test_a_frame_of_the_smallest_events_stays_below_the_limit() -> None:
    turns = [TextMessageContent(message_id=f"a-rather-long-id-{number % 2}", delta="x") for number in range(20_000)]
    transcript, _ = of([*turns])
    assert frames_below_the_limit(transcript) >= 3


def frames_below_the_limit(transcript: Transcript) -> int:
    """How many frames a reader from the start gets, each of them checked."""
    after, count, chat = 0, 0, UUID(int=1)
    while after < transcript.seq:
        reached, events = transcript.since(after, FRAME_BUDGET)
        assert len(run_events(run_events_of(chat, chat), after, reached, events)) < MOST
        after, count = reached, count + 1
    return count


def test_parts_follow_the_events_in_the_order_of_their_starts() -> None:
    transcript, _ = of(
        [
            RunStarted(thread_id="t", run_id="r"),
            ReasoningMessageStart(message_id="1"),
            ReasoningMessageContent(message_id="1", delta="Hm"),
            ToolCallStart(tool_call_id="2", tool_call_name="search"),
            TextMessageStart(message_id="4"),
            ToolCallArgs(tool_call_id="2", delta='{"q":'),
            TextMessageContent(message_id="4", delta="Hal"),
            ToolCallArgs(tool_call_id="2", delta="1}"),
            ToolCallEnd(tool_call_id="2"),
            ToolCallResult(message_id="3", tool_call_id="2", content="none"),
            TextMessageContent(message_id="4", delta="lo"),
            TextMessageEnd(message_id="4"),
            RunFinished(thread_id="t", run_id="r"),
        ]
    )
    assert transcript.parts() == [
        ReasoningPart(id="1", text="Hm"),
        ToolCallPart(id="2", name="search", arguments='{"q":1}', result="none", status="done"),
        TextPart(id="4", text="Hallo"),
    ]


def test_a_delta_of_a_part_that_never_began_begins_it() -> None:
    transcript, _ = of(
        [TextMessageContent(message_id="a", delta="x"), ToolCallArgs("b", "{"), ReasoningMessageContent("c", "y")]
    )
    assert transcript.parts() == [
        TextPart(id="a", text="x"),
        ToolCallPart(id="b", name="", arguments="{"),
        ReasoningPart(id="c", text="y"),
    ]


def test_what_is_in_a_log_but_no_event_is_refused_and_changes_nothing() -> None:
    transcript = Transcript()
    for data in (b"", b"{", b"[]", b'{"type":"UNKNOWN"}'):
        with pytest.raises(msgspec.MsgspecError):
            transcript.append_json(data)
    assert (transcript.seq, transcript.size) == (0, 0)


def test_a_long_reply_costs_its_text_and_little_more() -> None:
    transcript, logged = of([TextMessageContent(message_id="m", delta="token ") for _ in range(2000)])
    assert transcript.size == 2000 * len("token ")
    assert sum(map(len, logged)) > 8 * transcript.size
    (span,) = transcript._spans
    assert span.ends.itemsize == 4


def test_json_in_slices_is_json() -> None:
    transcript, _ = of([TextMessageContent(message_id='"', delta='"\\\n\x01'), TextMessageEnd(message_id='"')])
    _, events = transcript.since(0, EVERYTHING)
    assert [json.loads(event)["messageId"] for event in events] == ['"', '"']
