"""What a run says: AG-UI 1.0 events, by their own names and fields (JSON in camelCase).

An agent yields these, a log keeps them, a client reads them in `run.events`. A run's events are, in order:
`RUN_STARTED`, then messages, reasoning and tool calls (each a START, deltas, an END), then exactly one terminal event:
`RUN_FINISHED` (outcome `success` or `cancelled`) or `RUN_ERROR`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

MAX_NAME = 256
"""Characters of an id or a name that an agent or its model chooses; what is longer is cut."""
MAX_DELTA = 64 * 1024
"""Characters of text in one event; longer deltas are split and tool results cut. Keeps each frame below 512 KiB even
when every character is escaped to six bytes."""


class Event(msgspec.Struct, tag_field="type", rename="camel", omit_defaults=True):
    """The base of all events; `type` is the AG-UI name."""


class RunStarted(Event, tag="RUN_STARTED"):
    thread_id: str
    """The chat."""
    run_id: str


class TextMessageStart(Event, tag="TEXT_MESSAGE_START", omit_defaults=False):
    message_id: str
    """Names a part of the reply, unique within it."""
    role: str = "assistant"


class TextMessageContent(Event, tag="TEXT_MESSAGE_CONTENT"):
    message_id: str
    delta: str


class TextMessageEnd(Event, tag="TEXT_MESSAGE_END"):
    message_id: str


class ReasoningMessageStart(Event, tag="REASONING_MESSAGE_START", omit_defaults=False):
    message_id: str
    role: str = "reasoning"


class ReasoningMessageContent(Event, tag="REASONING_MESSAGE_CONTENT"):
    message_id: str
    delta: str


class ReasoningMessageEnd(Event, tag="REASONING_MESSAGE_END"):
    message_id: str


class ToolCallStart(Event, tag="TOOL_CALL_START"):
    tool_call_id: str
    tool_call_name: str


class ToolCallArgs(Event, tag="TOOL_CALL_ARGS"):
    tool_call_id: str
    delta: str


class ToolCallEnd(Event, tag="TOOL_CALL_END"):
    tool_call_id: str


class ToolCallResult(Event, tag="TOOL_CALL_RESULT"):
    message_id: str
    tool_call_id: str
    content: str
    metadata: dict[str, Any] | None = None
    """`{"truncated": true}` where the result was longer than `MAX_DELTA`."""


class TokenUsage(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """Token counts of one model in one run, in AG-UI's accounting: the parts are contained in the totals."""

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    type: str
    """`success` or `cancelled`."""


SUCCESS = Outcome("success")
CANCELLED = Outcome("cancelled")


class RunFinished(Event, tag="RUN_FINISHED"):
    thread_id: str
    run_id: str
    # A factory, so that it is always written: absent would mean success, but a reader should not need to know that.
    outcome: Outcome = msgspec.field(default_factory=lambda: SUCCESS)
    usage: list[TokenUsage] | None = None


class RunError(Event, tag="RUN_ERROR"):
    message: str
    """What went wrong and what to do, for people."""
    code: str | None = None
    usage: list[TokenUsage] | None = None


AnyEvent = (
    RunStarted
    | TextMessageStart
    | TextMessageContent
    | TextMessageEnd
    | ReasoningMessageStart
    | ReasoningMessageContent
    | ReasoningMessageEnd
    | ToolCallStart
    | ToolCallArgs
    | ToolCallEnd
    | ToolCallResult
    | RunFinished
    | RunError
)
Terminal = RunFinished | RunError

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def decode_event(data: bytes | str) -> AnyEvent:
    """Read one logged event. Raises `msgspec.ValidationError` on anything that is not one."""
    return _decoder.decode(data)


def clean(text: str) -> str:
    """`text` without what a database or a client would choke on: NUL, and lone surrogates (as U+FFFD).

    Postgres refuses NUL in text; UTF-8 has no surrogates. Text of a model is repaired rather than refused.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # A pair of surrogates is one character that came in two escapes; a lone one is nothing.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def cleaned(event: AnyEvent) -> Iterable[AnyEvent]:
    """The event as it may be logged: texts, ids and names cleaned, a delta over `MAX_DELTA` characters as several
    events, a tool's result cut there and marked. Empty deltas vanish.
    """
    if type(event) is TextMessageContent and _plain(event.delta) and _plain(event.message_id):
        # Most events by far; what follows takes 2 µs.
        return (event,)
    return _cleaned(_named(event))


def _cleaned(event: AnyEvent) -> Iterator[AnyEvent]:
    match event:
        case TextMessageContent(delta=delta) | ReasoningMessageContent(delta=delta) | ToolCallArgs(delta=delta):
            text = clean(delta)
            if text is delta and 0 < len(text) <= MAX_DELTA:
                yield event
                return
            for start in range(0, len(text), MAX_DELTA):
                yield msgspec.structs.replace(event, delta=text[start : start + MAX_DELTA])
        case ToolCallResult(content=content):
            text = clean(content)
            if len(text) > MAX_DELTA:
                text = text[:MAX_DELTA]
                event = msgspec.structs.replace(event, metadata={**(event.metadata or {}), "truncated": True})
            yield msgspec.structs.replace(event, content=text)
        case RunError(message=message):
            yield msgspec.structs.replace(event, message=clean(message))
        case _:
            yield event


def _plain(text: str) -> bool:
    """Whether a short text needs no cleaning, as can be told at once."""
    return 0 < len(text) <= MAX_NAME and text.isascii() and "\x00" not in text


def _named(event: AnyEvent) -> AnyEvent:
    """The event with ids and names that can be logged: models make up ids too."""
    match event:
        case (
            TextMessageStart(message_id=part)
            | TextMessageContent(message_id=part)
            | TextMessageEnd(message_id=part)
            | ReasoningMessageStart(message_id=part)
            | ReasoningMessageContent(message_id=part)
            | ReasoningMessageEnd(message_id=part)
        ):
            if (name := _name(part)) is not part:
                return msgspec.structs.replace(event, message_id=name)
        case ToolCallStart(tool_call_id=part, tool_call_name=tool):
            return msgspec.structs.replace(event, tool_call_id=_name(part), tool_call_name=_name(tool))
        case ToolCallResult(message_id=message, tool_call_id=part):
            return msgspec.structs.replace(event, message_id=_name(message), tool_call_id=_name(part))
        case ToolCallArgs(tool_call_id=part) | ToolCallEnd(tool_call_id=part):
            if (name := _name(part)) is not part:
                return msgspec.structs.replace(event, tool_call_id=name)
        case RunError(code=code) if code is not None:
            return msgspec.structs.replace(event, code=_name(code))
        case _:
            pass
    return event


def _name(text: str) -> str:
    return clean(text) if len(text) <= MAX_NAME else clean(text)[:MAX_NAME]
