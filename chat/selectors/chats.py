"""One chat: who may see it, its newest page, older ones, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from chat.models import Chat, Member, Message, Run
from chat.protocol.codes import NotFound, Unavailable
from chat.protocol.frames import FRAME_BUDGET
from chat.protocol.objects import Change, ChatObject, MessageObject, RunObject
from chat.selectors.rows import PAGE, chat_object, chat_rows, clipped, message_objects, only_branch, run_object

CHANGED_ROWS = 200
"""More changed messages than this are not worth sending one by one: a snapshot is."""


def require_member(*, user_id: UUID, chat_id: UUID) -> None:
    """Raises `NotFound`, the same for a missing, a deleted and another person's chat."""
    if not Member.objects.filter(user_id=user_id, chat_id=chat_id, chat__deleted_at=None).exists():
        raise NotFound


def chat_for(*, user_id: UUID, chat_id: UUID) -> ChatObject:
    """One chat. Raises `NotFound`, the same for a missing, a deleted and another person's chat."""
    chat = chat_rows(Chat.objects.filter(id=chat_id, deleted_at=None, members__user=user_id)).first()
    if chat is None:
        raise NotFound
    return chat_object(chat)


def versions(chat_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The versions of several chats. For the hub: no permission is implied."""
    return dict(Chat.objects.filter(id__in=list(chat_ids)).values_list("id", "version"))


def _messages(chat_id: UUID) -> QuerySet[Message]:
    return Message.objects.filter(chat=chat_id)


def _messages_for(user_id: UUID, chat_id: UUID) -> QuerySet[Message]:
    """Those that a person may read: none of a chat that is deleted or another's."""
    return _messages(chat_id).filter(chat__deleted_at=None, chat__members__user=user_id)


def _version_with(rows: Sequence[Any], chat_id: UUID) -> int | None:
    """The chat's version, read with `rows`, the last of all, so that they say whether what was read before still holds;
    where there are none, after them."""
    version: int | None = rows[0].chat_version if rows else versions([chat_id]).get(chat_id)
    return version


@dataclass(frozen=True, slots=True)
class ChatChange:
    """What takes a chat from `after` to `version`; a message of a run that has ended has its parts, a streaming one
    those of earlier runs.
    """

    after: int
    version: int
    change: Change


def chat_change(chat_id: UUID, after: int) -> ChatChange | None:
    """Everything of a chat that changed after version `after`; None where a snapshot is better (too much, `after` from
    the future or negative, or the chat gone). For the hub, which has checked membership when the chat was opened.
    """
    for _ in range(5):
        chat = chat_rows(Chat.objects.filter(id=chat_id, deleted_at=None)).first()
        if chat is None or not 0 < after <= chat.version:
            return None
        if after == chat.version:
            return ChatChange(after=after, version=after, change=Change(chat=chat_object(chat)))
        # In the order of their index, so that no more is looked at than is taken.
        begun_or_ended = Run.objects.filter(chat=chat_id, version__gt=after).order_by("version")
        runs = [run_object(run) for run in begun_or_ended[: CHANGED_ROWS + 1]]
        changed = _messages(chat_id).filter(version__gt=after).order_by("version")
        beside = changed.annotate(chat_version=F("chat__version"), parent_position=F("parent__position"))
        rows = sorted(beside[: CHANGED_ROWS + 1], key=lambda row: row.position)
        if _version_with(rows, chat_id) == chat.version:
            break
    else:
        raise Unavailable
    if len(rows) > CHANGED_ROWS or len(runs) > CHANGED_ROWS:
        return None
    shown = [row for row in rows if row.shown]
    above = min((row.parent_position or 0 for row in shown), default=chat.last_position)
    branched = not only_branch(shown, above, chat.last_position)
    cut = [clipped(message) for message in message_objects(shown, branched=branched)]
    if sum(size for _, size in cut) > FRAME_BUDGET:
        return None
    change = Change(
        chat=chat_object(chat),
        messages=[message for message, _ in cut],
        removed=[row.id for row in rows if not row.shown],
        runs=runs,
    )
    return ChatChange(after=after, version=chat.version, change=change)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A chat at one version: the newest page of messages (oldest first) and the live runs at `seq` 0."""

    chat: ChatObject
    messages: list[MessageObject]
    earlier: bool
    runs: list[RunObject]


def snapshot(chat_id: UUID) -> Snapshot | None:
    """The newest page of a chat, or None when it is gone. For the hub, which has checked membership."""
    for _ in range(5):
        row = chat_rows(Chat.objects.filter(id=chat_id, deleted_at=None)).first()
        if row is None:
            return None
        chat = chat_object(row)
        live = Run.objects.filter(chat=chat_id, status=Run.Status.RUNNING) if chat.live else ()
        runs = [run_object(run) for run in live]
        newest = _messages(chat_id).filter(shown=True).order_by("-position")
        rows = list(newest.annotate(chat_version=F("chat__version"))[: PAGE + 1])
        if _version_with(rows, chat_id) == chat.version:
            messages, earlier = _page(rows, PAGE, row.last_position)
            return Snapshot(chat=chat, messages=messages, earlier=earlier, runs=runs)
    raise Unavailable


def _page(rows: Sequence[Message], limit: int, last_position: int) -> tuple[list[MessageObject], bool]:
    """The first of `rows` (shown, newest first, one more than `limit` where there are more) that fit a frame, oldest
    first, and whether there are more."""
    messages: list[MessageObject] = []
    budget = FRAME_BUDGET
    above = rows[limit].position if len(rows) > limit else 0
    for whole in message_objects(rows[:limit], branched=not only_branch(rows[:limit], above, last_position)):
        message, size = clipped(whole)
        if messages and size > budget:
            return messages[::-1], True
        messages.append(message)
        budget -= size
    return messages[::-1], len(rows) > limit


def message_page(
    *, user_id: UUID, chat_id: UUID, before: int | None = None, limit: int = PAGE
) -> tuple[list[MessageObject], bool]:
    """Messages older than position `before` (the newest without), oldest first, and whether there are older ones.
    Raises `NotFound`.
    """
    shown = _messages_for(user_id, chat_id).filter(shown=True)
    if before is not None:
        shown = shown.filter(position__lt=before)
    rows = list(shown.order_by("-position").annotate(last_position=F("chat__last_position"))[: limit + 1])
    if not rows:
        require_member(user_id=user_id, chat_id=chat_id)
        return [], False
    return _page(rows, limit, rows[0].last_position)


def message_for(*, user_id: UUID, chat_id: UUID, message_id: UUID) -> MessageObject:
    """One message, whole. Raises `NotFound`."""
    row = _messages_for(user_id, chat_id).filter(id=message_id).first()
    if row is None:
        raise NotFound
    return message_objects([row])[0]
