"""Rows as the wire's objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet
from msgspec import UNSET

from chat.models import Chat, Message, Run
from chat.protocol.frames import encode_object
from chat.protocol.objects import ChatObject, ErrorObject, MessageObject, Part, RunObject, TextPart, Timing

PAGE = 50
"""Messages, or chats, on a page."""
CLIP_BYTES = 96 * 1024
"""A message of more bytes of JSON travels in frames without the rest of its text; HTTP has it whole."""


def chat_rows(filters: QuerySet[Chat]) -> QuerySet[Chat]:
    running = Run.objects.filter(chat=OuterRef("pk"), status=Run.Status.RUNNING)
    return filters.annotate(live=Exists(running))


def chat_object(chat: Any) -> ChatObject:
    return ChatObject(
        id=chat.id,
        title=chat.title,
        agent=chat.agent,
        version=chat.version,
        archived=chat.archived,
        pinned=chat.pinned,
        live=chat.live,
        created_at=chat.created_at,
        updated_at=chat.updated_at,
    )


def _siblings(messages: Sequence[Message]) -> dict[UUID | None, list[UUID]]:
    """All that answer the same messages as these do, by what they answer (None: the beginning of the chat), oldest
    first; only where there are several."""
    if not messages:
        return {}
    parents = {message.parent_id for message in messages}
    # What answers a message is of its chat. With the chat said too, or put in order here, SQLite would look through all
    # that the chat holds.
    same = Q(parent__in=[parent for parent in parents if parent is not None])
    if None in parents:
        same |= Q(parent=None, chat=messages[0].chat_id)
    found: dict[UUID | None, list[UUID]] = {}
    for _, parent, message_id in sorted(Message.objects.filter(same).values_list("position", "parent_id", "id")):
        found.setdefault(parent, []).append(message_id)
    return {parent: ids for parent, ids in found.items() if len(ids) > 1}


def only_branch(shown: Sequence[Message], above: int, last_position: int) -> bool:
    """Whether `shown` are all messages of the chat after position `above`: then none that answers one there, or a later
    one, has siblings, and nobody has to look for any.

    Siblings come after the same parent, and one of them is shown. So where each position is shown from the parent's to
    the chat's last, nothing is left that could be one.
    """
    return sum(row.position > above for row in shown) == last_position - above


def message_objects(messages: Sequence[Message], *, branched: bool = True) -> list[MessageObject]:
    """With their siblings, which are not looked for where nothing is `branched`."""
    siblings = _siblings(messages) if branched else {}
    return [_message_object(message, siblings.get(message.parent_id)) for message in messages]


def _message_object(message: Message, siblings: list[UUID] | None) -> MessageObject:
    return MessageObject(
        id=message.id,
        chat=message.chat_id,
        position=message.position,
        parent=message.parent_id,
        role=message.role,  # type: ignore[arg-type]  # the column's choices are the type's
        author=message.author_id,
        client_id=message.client_id,
        status=message.status,  # type: ignore[arg-type]
        run=message.run_id,
        error=ErrorObject(message.error_code, message.error_message) if message.error_code else None,
        created_at=message.created_at,
        siblings=siblings or UNSET,
        timing=msgspec.convert(message.timing, Timing) if message.timing else UNSET,
        parts=msgspec.convert(message.parts, list[Part]),
    )


def run_object(run: Run) -> RunObject:
    return RunObject(
        run=run.id,
        chat=run.chat_id,
        reply=run.reply_id,
        agent=run.agent,
        status=run.status,  # type: ignore[arg-type]
        seq=run.last_seq,
    )


def clipped(message: MessageObject) -> tuple[MessageObject, int]:
    """The message as a frame may carry it, and its bytes of JSON: over `CLIP_BYTES` its parts are cut; it says so."""
    size = len(encode_object(message))
    if size <= CLIP_BYTES or message.parts is UNSET:
        return message, size
    parts: list[Part] = []
    left = CLIP_BYTES // 6
    for part in message.parts:
        # A character is six bytes of JSON at most, so the cut is by characters.
        if isinstance(part, TextPart):
            parts.append(TextPart(id=part.id, text=part.text[:left]))
            left -= len(part.text)
        if left <= 0:
            break
    cut = msgspec.structs.replace(message, parts=parts, clipped=True)
    while (size := len(encode_object(cut))) > 2 * CLIP_BYTES and parts:
        # Parts without text have a size too, and there may be very many.
        del parts[-max(len(parts) // 2, 1) :]
    return cut, size
