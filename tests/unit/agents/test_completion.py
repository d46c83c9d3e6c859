"""Reading a streamed completion: bytes in, events out, without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat.agents.completion import CompletionReader
from chat.protocol.events import (
    ReasoningMessageContent,
    TextMessageContent,
    TextMessageStart,
    TokenUsage,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallStart,
    clean,
)
from tests.unit.agents.asking import Reply, turn

DONE = b"data: [DONE]\n\n"


def data(payload: object) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def delta(finish_reason: str | None = None, /, **fields: Any) -> bytes:
    return data({"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]})


STOP = delta("stop")


def read(*slices: bytes) -> tuple[Reply, CompletionReader]:
    reader = CompletionReader(turn("?"))
    reply = Reply()
    for slice_ in slices:
        if not reader.over:
            reply.events += reader.read(slice_)
    reply.events += reader.end()
    reply.error = reader.error
    return reply, reader


def test_text_is_one_part_with_a_start_and_an_end() -> None:
    reply, _ = read(delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), STOP, DONE)
    assert reply.kinds == ["TextMessageStart", "TextMessageContent", "TextMessageEnd"]
    assert reply.text == "Hello"
    assert reply.error is None


def test_tokens_of_one_slice_leave_as_one_event() -> None:
    reader = CompletionReader(turn("?"))
    events = reader.read(delta(content="a") + delta(content="b") + delta(content="c"))
    assert events == [TextMessageStart(message_id="run-1.1"), TextMessageContent(message_id="run-1.1", delta="abc")]


def test_token_leaves_with_the_slice_that_completes_it() -> None:
    reader = CompletionReader(turn("?"))
    chunk = delta(content="now")
    assert reader.read(chunk[:-1]) == []
    assert TextMessageContent(message_id="run-1.1", delta="now") in reader.read(chunk[-1:])


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_comes_before_the_text_as_a_part_of_its_own(name: str) -> None:
    reply, _ = read(delta(**{name: "Hm, "}), delta(**{name: "yes."}), delta(content="Yes."), STOP)
    assert reply.kinds == [
        "ReasoningMessageStart",
        "ReasoningMessageContent",
        "ReasoningMessageEnd",
        "TextMessageStart",
        "TextMessageContent",
        "TextMessageEnd",
    ]
    assert (reply.reasoning, reply.text) == ("Hm, yes.", "Yes.")


def test_reasoning_in_both_fields_at_once_counts_once() -> None:
    reply, _ = read(delta(reasoning="same", reasoning_content="same"), STOP)
    assert reply.reasoning == "same"


def test_thinking_again_after_text_opens_new_parts() -> None:
    reply, _ = read(delta(reasoning="a"), delta(content="b"), delta(reasoning="c"), delta(content="d"), STOP)
    ids = [
        event.message_id for event in reply.events if isinstance(event, TextMessageContent | ReasoningMessageContent)
    ]
    assert ids == ["run-1.1", "run-1.2", "run-1.3", "run-1.4"]


def test_refusal_of_the_model_is_text() -> None:
    reply, _ = read(delta(refusal="I cannot help with that."), STOP)
    assert reply.text == "I cannot help with that."


def test_nulls_and_unknown_fields_are_no_trouble() -> None:
    nulls: dict[str, Any] = {"content": None, "reasoning": None, "tool_calls": None, "audio": {"x": [1]}}
    reply, _ = read(
        data({"choices": None, "prompt_filter_results": []}),
        data({"choices": [{"index": None, "delta": None, "logprobs": None}], "usage": None, "error": None}),
        delta(**nulls),
        delta(content="ok"),
        STOP,
    )
    assert (reply.text, reply.error) == ("ok", None)


def test_second_choice_is_ignored() -> None:
    reply, _ = read(data({"choices": [{"index": 1, "delta": {"content": "other"}}]}), delta(content="mine"), STOP)
    assert reply.text == "mine"


def test_empty_answer_is_complete_and_has_no_part() -> None:
    reply, _ = read(delta(role="assistant", content=""), STOP, DONE)
    assert (reply.events, reply.error) == ([], None)


def test_finish_reason_without_done_is_complete() -> None:
    reply, reader = read(delta(content="a"), STOP)
    assert (reply.error, reader.complete) == (None, True)


def test_done_without_finish_reason_is_complete() -> None:
    reply, reader = read(delta(content="a"), DONE)
    assert (reply.error, reader.complete) == (None, True)


def test_end_with_neither_is_interrupted_and_leaves_the_part_open() -> None:
    reply, _ = read(delta(content="a"))
    assert reply.code == "interrupted"
    assert reply.kinds == ["TextMessageStart", "TextMessageContent"]


def test_end_before_the_first_chunk_is_an_unreachable_server() -> None:
    reply, _ = read(b": still loading\n\n")
    assert reply.code == "agent_unreachable"


def test_reply_cut_at_its_length_limit_keeps_its_text_and_is_interrupted() -> None:
    reply, _ = read(delta(content="so long"), delta("length"), DONE)
    assert (reply.text, reply.code) == ("so long", "interrupted")
    assert reply.kinds[-1] == "TextMessageEnd"


def test_filtered_reply_keeps_its_text_and_is_refused() -> None:
    reply, _ = read(delta(content="How to"), delta("content_filter"), DONE)
    assert (reply.text, reply.code) == ("How to", "agent_refused")
    assert reply.kinds[-1] == "TextMessageEnd"


def test_nothing_after_done_is_read() -> None:
    reply, _ = read(delta(content="a"), STOP + DONE + b"data: {nonsense\n\n")
    assert (reply.text, reply.error) == ("a", None)


@pytest.mark.parametrize(
    "payload", [b'{"choices":[{"del', b"null", b"[]", b'{"choices":[{"delta":{"content":7}}]}', b"\xff"]
)
def test_chunk_that_is_none_is_garbled_and_what_came_before_is_kept(payload: bytes) -> None:
    reply, _ = read(delta(content="before") + b"data: " + payload + b"\n\n")
    assert (reply.text, reply.code) == ("before", "agent_garbled")


def test_page_instead_of_events_is_garbled_at_its_first_line() -> None:
    reader = CompletionReader(turn("?"))
    reader.read(b"<html>\n")
    assert reader.over
    assert reader.error is not None
    assert reader.error.code == "agent_garbled"


def test_lone_surrogates_and_nul_are_read() -> None:
    reply, _ = read(b'data: {"choices":[{"delta":{"content":"a\\ud800b\\u0000c"}}]}\n\n', STOP)
    assert reply.text == "a\ud800b\x00c"


def test_character_in_two_deltas_is_whole() -> None:
    high = b'data: {"choices":[{"delta":{"content":"x\\ud83d"}}]}\n\n'
    low = b'data: {"choices":[{"delta":{"content":"\\ude42y"}}]}\n\n'
    reply, _ = read(high, low, STOP)
    deltas = [event.delta for event in reply.events if isinstance(event, TextMessageContent)]
    assert [clean(text) for text in deltas] == ["x", "🙂y"]


def test_half_a_character_at_the_end_is_not_lost() -> None:
    reply, _ = read(b'data: {"choices":[{"delta":{"content":"x\\ud83d"}}]}\n\n', STOP)
    assert reply.text == "x\ud83d"


def test_usage_of_the_last_chunk_counts() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    first = data({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})
    _, reader = read(first, STOP, data({"choices": [], "usage": usage}), DONE)
    assert reader.usage("m") == [
        TokenUsage(
            model="m", input_tokens=9, output_tokens=5, total_tokens=14, reasoning_tokens=2, cached_input_tokens=4
        )
    ]


def test_usage_in_another_form_is_taken_as_far_as_it_goes() -> None:
    odd = {"prompt_tokens": 3, "completion_tokens": "5", "total_tokens": None, "prompt_tokens_details": None}
    _, reader = read(STOP, data({"choices": [], "usage": odd}))
    assert reader.usage("m") == [TokenUsage(model="m", input_tokens=3)]


def test_no_usage_is_none() -> None:
    _, reader = read(delta(content="a"), STOP)
    assert reader.usage("m") is None


def call(index: int | None = None, **fields: Any) -> bytes:
    name, arguments = fields.pop("name", None), fields.pop("arguments", None)
    return delta(tool_calls=[{"index": index, "function": {"name": name, "arguments": arguments}, **fields}])


def test_tool_calls_that_come_in_turns_are_told_apart() -> None:
    reply, _ = read(
        call(0, id="a", name="look", arguments=""),
        call(1, id="b", name="read", arguments='{"y"'),
        call(0, arguments='{"x": 1}'),
        call(1, arguments=": 2}"),
        delta("tool_calls"),
    )
    assert reply.events == [
        ToolCallStart(tool_call_id="a", tool_call_name="look"),
        ToolCallStart(tool_call_id="b", tool_call_name="read"),
        ToolCallArgs(tool_call_id="b", delta='{"y"'),
        ToolCallArgs(tool_call_id="a", delta='{"x": 1}'),
        ToolCallArgs(tool_call_id="b", delta=": 2}"),
        ToolCallEnd(tool_call_id="a"),
        ToolCallEnd(tool_call_id="b"),
    ]


@pytest.mark.parametrize("index", [0, None])
def test_whole_calls_without_an_index_of_their_own_are_told_apart_by_id(index: int | None) -> None:
    reply, _ = read(
        call(index, id="a", name="look", arguments="{}"), call(index, id="b", name="look", arguments="[]"), STOP
    )
    assert [event.tool_call_id for event in reply.events if isinstance(event, ToolCallStart)] == ["a", "b"]
    assert [event.delta for event in reply.events if isinstance(event, ToolCallArgs)] == ["{}", "[]"]


def test_calls_without_ids_get_their_own() -> None:
    reply, _ = read(call(0, name="look", arguments="{}"), call(1, id="", name="read", arguments="{}"), STOP)
    ids = [event.tool_call_id for event in reply.events if isinstance(event, ToolCallStart)]
    assert ids == ["run-1.1", "run-1.2"]


def test_text_is_closed_before_a_tool_call() -> None:
    reply, _ = read(delta(content="Let me look."), call(0, id="a", name="look"), delta("tool_calls"))
    assert reply.kinds == [
        "TextMessageStart",
        "TextMessageContent",
        "TextMessageEnd",
        "ToolCallStart",
        "ToolCallEnd",
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"message": "slow down", "code": 429}, "agent_busy"),
        ({"message": "slow down", "code": "429"}, "agent_busy"),
        ({"message": "too long", "code": 400, "type": "invalid_request_error"}, "agent_refused"),
        ({"message": "oops", "code": "server_error"}, "agent_failed"),
        ({"message": "oops", "code": None}, "agent_failed"),
        ("oops", "agent_failed"),
        (["oops"], "agent_failed"),
    ],
)
def test_error_in_the_stream_before_the_first_token_says_whose_fault_it_is(error: object, code: str) -> None:
    reply, _ = read(delta(role="assistant", content=""), data({"error": error}))
    assert reply.code == code


def test_error_in_the_stream_after_the_first_token_interrupts() -> None:
    reply, _ = read(delta(content="half"), data({"error": {"message": "GPU on fire", "code": 500}}))
    assert (reply.text, reply.code) == ("half", "interrupted")
    assert "GPU on fire" in str(reply.error)
