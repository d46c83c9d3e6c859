"""What a server says. Frames are made here, as bytes of JSON; events inside them are already encoded.

Every frame to a client stays below 512 KiB: whoever makes a page or a slice of events cuts it by `FRAME_BUDGET`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from chat.protocol.codes import ChatError
from chat.protocol.objects import AgentObject, Change, ChatObject, MessageObject, RunObject, UserObject

PROTOCOL = 1
FRAME_BUDGET = 384 * 1024
"""Bytes of messages or events put into one frame; with one object of at most 96 KiB more it stays below 512 KiB."""


class Limits(msgspec.Struct):
    """Sizes in bytes of UTF-8; what a client should respect so that it is not refused."""

    frame: int
    text: int
    text_http: int
    open_chats: int
    commands: int
    """Commands that may wait at once."""
    unacknowledged: int
    """Bytes of frames that may be unconfirmed by `received`."""


class Hello(msgspec.Struct, tag_field="type", tag="hello"):
    """The first frame, sent once this socket hears of changes: fetch the chat list after it and nothing is missed."""

    protocol: int
    user: UserObject
    server: str
    """The process, for logs: a new one after a restart."""
    limits: Limits
    agents: list[AgentObject]


class Ack(msgspec.Struct, tag_field="type", tag="ack", omit_defaults=True):
    """The command with this `id` was carried out."""

    id: str
    chat: ChatObject | None = None
    """Of `chat.create`."""
    resumed: bool | None = None
    """Of `chat.open`."""
    message: UUID | None = None
    """The message that is answered; of `message.send`, `.edit`, `.retry` and `.continue`, with `reply` and `run`."""
    reply: UUID | None = None
    run: UUID | None = None


class ErrorFrame(msgspec.Struct, tag_field="type", tag="error", omit_defaults=True):
    """The command with this `id` (or a frame whose id could not be read) was not carried out."""

    code: str
    message: str
    id: str | None = None
    retry_after: float | None = None
    """Seconds."""


class ChatSnapshot(msgspec.Struct, tag_field="type", tag="chat.snapshot"):
    """A chat as it is at `version`: replaces what the client has of it; older pages come by HTTP."""

    chat: ChatObject
    version: int
    messages: list[MessageObject]
    """The newest page, oldest first."""
    earlier: bool
    """There are older messages: GET /api/chats/{chat}/messages?before={position}."""
    runs: list[RunObject]
    """The live ones. A streaming message has the parts that its run's events have made up to the run's `seq`."""


class ChatChanged(msgspec.Struct, tag_field="type", tag="chat.changed"):
    """What takes the chat from version `after` to `version`. Another `after` than the client's: older, drop it; newer,
    open the chat again.
    """

    chat: UUID
    after: int
    version: int
    change: Change


class RunEvents(msgspec.Struct, tag_field="type", tag="run.events"):
    """What takes the run from `after` to `seq`. Deltas may be merged: never count events, trust `seq`."""

    chat: UUID
    run: UUID
    after: int
    seq: int
    events: list[msgspec.Raw]
    """AG-UI 1.0 events."""


class ChatsChanged(msgspec.Struct, tag_field="type", tag="chats.changed"):
    """For the list of chats, whatever is open: these are new or different, those are gone."""

    chats: list[ChatObject]
    removed: list[UUID]


Frame = Hello | Ack | ErrorFrame | ChatSnapshot | ChatChanged | RunEvents | ChatsChanged

_encoder = msgspec.json.Encoder()


class Sendable:
    """A frame ready for a socket: its text, and its size in bytes of UTF-8."""

    __slots__ = ("size", "text")

    def __init__(self, data: bytes) -> None:
        self.text = data.decode()
        self.size = len(data)


def encode(frame: Frame) -> Sendable:
    """One frame as JSON."""
    return Sendable(_encoder.encode(frame))


def encode_object(value: Any) -> bytes:
    """One object, event or part as JSON in UTF-8."""
    return _encoder.encode(value)


def run_events(of: bytes, after: int, seq: int, events: Sequence[bytes]) -> bytes:
    """`RunEvents` from events that are encoded already, and from what `run_events_of` made for their run: bytes are
    joined, nothing is parsed or escaped again."""
    return b'%b"after":%d,"seq":%d,"events":[%b]}' % (of, after, seq, b",".join(events))


def run_events_of(chat: UUID, run: UUID) -> bytes:
    """The beginning of every `RunEvents` of one run."""
    return b'{"type":"run.events","chat":"%b","run":"%b",' % (str(chat).encode(), str(run).encode())


def error(problem: ChatError, command_id: str | None = None) -> ErrorFrame:
    """The frame that answers a failed command."""
    return ErrorFrame(code=problem.code, message=problem.message, id=command_id, retry_after=problem.retry_after)
