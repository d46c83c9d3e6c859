"""What commands and frames talk about: chats, messages, runs, and changes to them.

Ids are UUIDs (strings in JSON), times ISO 8601 in UTC. Whole objects travel, by id: a client replaces what it has,
except that a message without `parts` keeps the parts that the client has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

Role = Literal["user", "assistant", "system"]
MessageStatus = Literal["complete", "streaming", "stopped", "interrupted", "failed"]
RunStatus = Literal["running", "completed", "stopped", "interrupted", "failed"]


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    id: str
    """AG-UI's `messageId`, by which events find this part."""
    text: str


class ReasoningPart(msgspec.Struct, tag_field="type", tag="reasoning"):
    id: str
    text: str


class ToolCallPart(msgspec.Struct, tag_field="type", tag="tool_call"):
    id: str
    """AG-UI's `toolCallId`."""
    name: str
    arguments: str = ""
    """JSON as the model wrote it, so perhaps not JSON."""
    result: str | None = None
    status: Literal["calling", "called", "done"] = "calling"
    """`calling`: arguments are coming; `called`: the call is complete; `done`: it has a result."""


Part = TextPart | ReasoningPart | ToolCallPart


class UserObject(msgspec.Struct):
    id: UUID
    name: str
    guest: bool


class AgentObject(msgspec.Struct):
    name: str
    title: str


class ErrorObject(msgspec.Struct):
    code: str
    message: str


class Timing(msgspec.Struct, omit_defaults=True):
    """How fast the run came that wrote a reply, or wrote it last, as its worker saw it."""

    first: float
    """Seconds from the question to the first words."""
    writing: float
    """Seconds from the first words to the last."""
    characters: int
    tokens: int = 0
    """That the model says it wrote; 0 where it does not say."""


class ChatObject(msgspec.Struct):
    id: UUID
    title: str
    agent: str
    version: int
    """Grows by one with every change to the chat, its messages or its runs."""
    archived: bool
    pinned: bool
    live: bool
    """A reply is being written."""
    created_at: datetime
    updated_at: datetime
    """Of the last message, so that the sidebar can sort by it."""


class MessageObject(msgspec.Struct):
    id: UUID
    chat: UUID
    position: int
    """Order within the chat, from 1; gaps are possible."""
    parent: UUID | None
    role: Role
    author: UUID | None
    client_id: str | None
    status: MessageStatus
    run: UUID | None
    error: ErrorObject | None
    created_at: datetime
    siblings: list[UUID] | UnsetType = UNSET
    """Where there are several: the messages that answer the same one, oldest first, this one among them. The others are
    not shown; `message.choose` shows one instead."""
    timing: Timing | UnsetType = UNSET
    """Of a reply that has ended, where its worker saw it to the end."""
    parts: list[Part] | UnsetType = UNSET
    clipped: bool | UnsetType = UNSET
    """True where `parts` were cut to fit a frame; GET /api/chats/{chat}/messages/{message} has them whole."""


class RunObject(msgspec.Struct):
    run: UUID
    chat: UUID
    reply: UUID
    agent: str
    status: RunStatus
    seq: int
    """The last event that this object stands for; the run's events come after it."""


class Change(msgspec.Struct, omit_defaults=True):
    """What differs between two versions of a chat, by whole objects."""

    chat: ChatObject | None = None
    messages: list[MessageObject] = []
    removed: list[UUID] = []
    runs: list[RunObject] = []
