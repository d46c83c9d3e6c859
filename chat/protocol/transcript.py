"""The events of one run, from its first, held as text: what its owner, its followers and its recovery all keep.

A reply of 2,000 tokens is 2,000 logged events. Kept as objects they would cost half a megabyte; kept here they cost
their text and four bytes each, because consecutive deltas of one part lie in one buffer, already escaped for JSON. A
reader at any `seq` gets what it lacks as one slice of that buffer, so a slow reader costs nothing and a fast one costs
the copying of a few bytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from chat.protocol.events import (
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageStart,
    TextMessageContent,
    TextMessageStart,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallResult,
    ToolCallStart,
    decode_event,
)
from chat.protocol.objects import Part, ReasoningPart, TextPart, ToolCallPart

_encode = msgspec.json.Encoder().encode
_END = b'"}'


class Entry(NamedTuple):
    """One event, encoded: `prefix` is the JSON up to the text of a delta and `body` that text, escaped; or `prefix` is
    empty and `body` the whole JSON. Entries with the same prefix may be joined.
    """

    prefix: bytes
    body: bytes

    def json(self) -> bytes:
        """The event as JSON."""
        return self.prefix + self.body + _END if self.prefix else self.body


@lru_cache(maxsize=8192)
def _prefix(kind: str, field: str, part: str) -> bytes:
    return b'{"type":"%b","%b":%b,"delta":"' % (kind.encode(), field.encode(), _encode(part))


def entry(event: AnyEvent) -> Entry:
    """Encode a cleaned event, once; nothing is escaped again on its way to log and sockets."""
    match event:
        case TextMessageContent(message_id=part, delta=delta):
            return Entry(_prefix("TEXT_MESSAGE_CONTENT", "messageId", part), _encode(delta)[1:-1])
        case ReasoningMessageContent(message_id=part, delta=delta):
            return Entry(_prefix("REASONING_MESSAGE_CONTENT", "messageId", part), _encode(delta)[1:-1])
        case ToolCallArgs(tool_call_id=part, delta=delta):
            return Entry(_prefix("TOOL_CALL_ARGS", "toolCallId", part), _encode(delta)[1:-1])
        case _:
            return Entry(b"", _encode(event))


class _Span:
    """Events `first`..`first + len(ends) - 1`: deltas of one prefix, or one other event (then `ends` has one item)."""

    __slots__ = ("ends", "first", "prefix", "text")

    def __init__(self, first: int, prefix: bytes) -> None:
        self.first = first
        self.prefix = prefix
        self.text = bytearray()
        self.ends = array("I")

    def start_of(self, seq: int) -> int:
        """Where in `text` the event `seq` begins, in bytes."""
        return self.ends[seq - self.first - 1] if seq > self.first else 0

    @property
    def overhead(self) -> int:
        """Bytes of JSON around a slice of `text`, and of the comma after it."""
        return len(self.prefix) + len(_END) + 1 if self.prefix else 1

    def json(self, start: int, end: int) -> bytes:
        return b"".join((self.prefix, self.text[start:end], _END)) if self.prefix else bytes(self.text)


class Transcript:
    """Events 1..`seq` of a run. Grows by `append` only; holds nothing but bytes."""

    __slots__ = ("_firsts", "_spans", "seq", "size")

    def __init__(self) -> None:
        self.seq = 0
        """The last event; 0 before the first."""
        self.size = 0
        """Bytes of JSON text held."""
        self._spans: list[_Span] = []
        self._firsts: list[int] = []

    def append(self, item: Entry) -> int:
        """Add the next event; returns its `seq`."""
        self.seq += 1
        self.size += len(item.body)
        if not item.prefix or not self._spans or self._spans[-1].prefix != item.prefix:
            self._spans.append(_Span(self.seq, item.prefix))
            self._firsts.append(self.seq)
        span = self._spans[-1]
        span.text += item.body
        span.ends.append(len(span.text))
        return self.seq

    def append_json(self, data: bytes | str) -> int:
        """Add the next event from a log. Raises `msgspec.ValidationError` where it is none."""
        return self.append(entry(decode_event(data)))

    def since(self, after: int, budget: int) -> tuple[int, list[bytes]]:
        """What takes a reader from `after` on: the `seq` that it reaches and the events, consecutive deltas as one.

        They have `budget` bytes of JSON together, commas included, or are one event that is longer; call again with the
        `seq` returned for the rest. Needs 0 <= after <= seq; nothing is left when the returned `seq` equals `self.seq`.
        """
        events: list[bytes] = []
        index = max(bisect_right(self._firsts, after + 1) - 1, 0)
        while after < self.seq:
            span = self._spans[index]
            start = span.start_of(after + 1)
            next_one = after + 1 - span.first
            upto = bisect_right(span.ends, start + budget - span.overhead) - 1
            if upto < next_one:
                if events:
                    break
                upto = next_one
            events.append(span.json(start, span.ends[upto]))
            budget -= len(events[-1]) + 1
            after = span.first + upto
            if upto < len(span.ends) - 1:
                break
            index += 1
        return after, events

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Every event after `after` with its own `seq`, as it was logged: to write a lost log again."""
        for span in self._spans[max(bisect_right(self._firsts, after + 1) - 1, 0) :]:
            for seq in range(max(span.first, after + 1), span.first + len(span.ends)):
                yield seq, span.json(span.start_of(seq), span.ends[seq - span.first])

    def parts(self) -> list[Part]:
        """The reply that these events make, in the order of their STARTs. A delta of an unknown part begins it."""
        parts: dict[str, Part] = {}
        for span in self._spans:
            _fold(parts, decode_event(span.json(0, len(span.text))))
        return list(parts.values())


def merged(base: list[Part], more: list[Part]) -> list[Part]:
    """The parts of a reply whose first run left `base` and whose next one says `more`: text that goes on in a part of
    `base` is appended to it."""
    parts = {part.id: part for part in base}
    for part in more:
        before = parts.get(part.id)
        if isinstance(before, TextPart) and isinstance(part, TextPart):
            parts[part.id] = TextPart(id=part.id, text=before.text + part.text)
        else:
            parts[part.id] = part
    return list(parts.values())


def _fold(parts: dict[str, Part], event: AnyEvent) -> None:
    found: Part | None
    match event:
        case TextMessageStart(message_id=part):
            parts.setdefault(part, TextPart(id=part, text=""))
        case ReasoningMessageStart(message_id=part):
            parts.setdefault(part, ReasoningPart(id=part, text=""))
        case ToolCallStart(tool_call_id=part, tool_call_name=name):
            parts.setdefault(part, ToolCallPart(id=part, name=name))
        case TextMessageContent(message_id=part, delta=delta):
            found = parts.setdefault(part, TextPart(id=part, text=""))
            if isinstance(found, TextPart):
                found.text += delta
        case ReasoningMessageContent(message_id=part, delta=delta):
            found = parts.setdefault(part, ReasoningPart(id=part, text=""))
            if isinstance(found, ReasoningPart):
                found.text += delta
        case ToolCallArgs(tool_call_id=part, delta=delta):
            found = parts.setdefault(part, ToolCallPart(id=part, name=""))
            if isinstance(found, ToolCallPart):
                found.arguments += delta
        case ToolCallEnd(tool_call_id=part):
            found = parts.get(part)
            if isinstance(found, ToolCallPart) and found.status == "calling":
                found.status = "called"
        case ToolCallResult(tool_call_id=part, content=content):
            found = parts.get(part)
            if isinstance(found, ToolCallPart):
                found.result, found.status = content, "done"
        case _:
            pass
