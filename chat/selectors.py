"""All reads, each with its permission check, as the wire's objects. No read grows with the length of a chat or the
number of a person's chats: pages are cut by count and by size, changes come by version.

Reads take no transaction (on SQLite it would take the write lock). Where several rows must agree, the version is read
before and after, and all of it again if it moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from msgspec import UNSET

from chat.models import Chat, ChatList, Member, Message, Run, Worker
from chat.protocol.codes import NotFound, Unavailable
from chat.protocol.frames import FRAME_BUDGET, encode_object
from chat.protocol.objects import Change, ChatObject, ErrorObject, MessageObject, Part, Role, RunObject, TextPart

PAGE = 50
"""Messages, or chats, on a page."""
CHANGED_ROWS = 200
"""More changed messages than this are not worth sending one by one: a snapshot is."""
CLIP_BYTES = 96 * 1024
"""A message of more bytes of JSON travels in frames without the rest of its text; HTTP has it whole."""
HISTORY_ROWS = 500
"""Messages of history that an agent is given at most, whatever fits its budget."""


# --- Rows to objects -------------------------------------------------------------------------------------------------


def _chats(filters: QuerySet[Chat]) -> QuerySet[Chat]:
    running = Run.objects.filter(chat=OuterRef("pk"), status=Run.Status.RUNNING)
    return filters.annotate(live=Exists(running))


def _chat_object(chat: Any) -> ChatObject:
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
    same = Q(parent__in=[parent for parent in parents if parent is not None])
    if None in parents:
        same |= Q(parent=None)
    found: dict[UUID | None, list[UUID]] = {}
    rows = Message.objects.filter(same, chat=messages[0].chat_id).order_by("position")
    for parent, message_id in rows.values_list("parent_id", "id"):
        found.setdefault(parent, []).append(message_id)
    return {parent: ids for parent, ids in found.items() if len(ids) > 1}


def _message_objects(messages: Sequence[Message]) -> list[MessageObject]:
    siblings = _siblings(messages)
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
        parts=msgspec.convert(message.parts, list[Part]),
    )


def _run_object(run: Run) -> RunObject:
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
    message = msgspec.structs.replace(message, parts=parts, clipped=True)
    return message, len(encode_object(message))


# --- Membership ------------------------------------------------------------------------------------------------------


def _visible(user_id: UUID, chat_id: UUID) -> None:
    if not Member.objects.filter(user_id=user_id, chat_id=chat_id, chat__deleted_at=None).exists():
        raise NotFound


def chat_for(*, user_id: UUID, chat_id: UUID) -> ChatObject:
    """One chat. Raises `NotFound`, the same for a missing, a deleted and another person's chat."""
    chat = _chats(Chat.objects.filter(id=chat_id, deleted_at=None, members__user=user_id)).first()
    if chat is None:
        raise NotFound
    return _chat_object(chat)


# --- The list of chats -----------------------------------------------------------------------------------------------


def chat_page(
    *, user_id: UUID, archived: bool = False, pinned: bool = False, before: int | None = None, limit: int = PAGE
) -> tuple[list[ChatObject], int | None]:
    """A page of the person's chats, newest first, and the cursor (`before`) of the next page or None. `pinned`: only
    those."""
    members = Member.objects.filter(user=user_id, chat__archived=archived, chat__deleted_at=None)
    if pinned:
        members = members.filter(chat__pinned=True)
    if before is not None:
        members = members.filter(recent__lt=before)
    found = list(members.order_by("-recent").values_list("chat_id", "recent")[: limit + 1])
    ids = [chat_id for chat_id, _ in found[:limit]]
    chats = {chat.id: _chat_object(chat) for chat in _chats(Chat.objects.filter(id__in=ids))}
    return [chats[chat_id] for chat_id in ids if chat_id in chats], found[limit - 1][1] if len(found) > limit else None


def list_versions(user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The versions of several people's lists; 0 where there is none yet."""
    found = dict(ChatList.objects.filter(user__in=user_ids).values_list("user_id", "version"))
    return {user_id: found.get(user_id, 0) for user_id in user_ids}


@dataclass(frozen=True, slots=True)
class ListChange:
    """What takes a person's list from one version to `version`."""

    version: int
    chats: list[ChatObject]
    removed: list[UUID]


def list_change(*, user_id: UUID, after: int) -> ListChange:
    """The chats that this person's list shows differently since version `after`, oldest change first, a page at most:
    ask again from the version returned until nothing comes.
    """
    rows = list(
        Member.objects.filter(user=user_id, version__gt=after)
        .order_by("version")
        .values_list("chat_id", "version", "chat__deleted_at")[:PAGE]
    )
    kept = [chat_id for chat_id, _, deleted_at in rows if deleted_at is None]
    found = {chat.id: _chat_object(chat) for chat in _chats(Chat.objects.filter(id__in=kept))}
    chats = [found[chat_id] for chat_id in kept if chat_id in found]
    removed = [chat_id for chat_id, _, deleted_at in rows if deleted_at is not None]
    return ListChange(version=rows[-1][1] if rows else after, chats=chats, removed=removed)


# --- One chat --------------------------------------------------------------------------------------------------------


def versions(chat_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The versions of several chats. For the hub: no permission is implied."""
    return dict(Chat.objects.filter(id__in=list(chat_ids)).values_list("id", "version"))


def _messages(chat_id: UUID) -> QuerySet[Message]:
    return Message.objects.filter(chat=chat_id)


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
        chat = _chats(Chat.objects.filter(id=chat_id, deleted_at=None)).first()
        if chat is None or not 0 < after <= chat.version:
            return None
        rows = list(_messages(chat_id).filter(version__gt=after).order_by("position")[: CHANGED_ROWS + 1])
        runs = [_run_object(run) for run in Run.objects.filter(chat=chat_id, version__gt=after).order_by("version")]
        if versions([chat_id]).get(chat_id) == chat.version:
            break
    else:
        raise Unavailable
    if len(rows) > CHANGED_ROWS or len(runs) > CHANGED_ROWS:
        return None
    cut = [clipped(message) for message in _message_objects([row for row in rows if row.shown])]
    if sum(size for _, size in cut) > FRAME_BUDGET:
        return None
    change = Change(
        chat=_chat_object(chat),
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
        chat = _chats(Chat.objects.filter(id=chat_id, deleted_at=None)).first()
        if chat is None:
            return None
        rows = list(_messages(chat_id).filter(shown=True).order_by("-position")[: PAGE + 1])
        live = Run.objects.filter(chat=chat_id, status=Run.Status.RUNNING)
        runs = [_run_object(run) for run in live]
        if versions([chat_id]).get(chat_id) == chat.version:
            messages, earlier = _page(rows, PAGE)
            return Snapshot(chat=_chat_object(chat), messages=messages, earlier=earlier, runs=runs)
    raise Unavailable


def _page(rows: Sequence[Message], limit: int) -> tuple[list[MessageObject], bool]:
    """The first of `rows` (newest first) that fit a frame, oldest first, and whether there are more."""
    messages: list[MessageObject] = []
    budget = FRAME_BUDGET
    for whole in _message_objects(rows[:limit]):
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
    _visible(user_id, chat_id)
    rows = _messages(chat_id).filter(shown=True)
    if before is not None:
        rows = rows.filter(position__lt=before)
    return _page(list(rows.order_by("-position")[: limit + 1]), limit)


def message_for(*, user_id: UUID, chat_id: UUID, message_id: UUID) -> MessageObject:
    """One message, whole. Raises `NotFound`."""
    _visible(user_id, chat_id)
    row = _messages(chat_id).filter(id=message_id).first()
    if row is None:
        raise NotFound
    return _message_objects([row])[0]


# --- Runs ------------------------------------------------------------------------------------------------------------


def runs_of(run_ids: Iterable[UUID]) -> dict[UUID, RunObject]:
    """Several runs by id. For the hub: no permission is implied."""
    return {run.id: _run_object(run) for run in Run.objects.filter(id__in=list(run_ids))}


def resumable_runs(chat_id: UUID, run_ids: Iterable[UUID]) -> dict[UUID, tuple[RunObject, int]]:
    """The live runs of a chat and those of `run_ids` that are the chat's, each with the chat's version at its last
    change. For the socket, which has checked membership.
    """
    runs = Run.objects.filter(Q(status=Run.Status.RUNNING) | Q(id__in=list(run_ids)), chat=chat_id)
    return {run.id: (_run_object(run), run.version) for run in runs}


@dataclass(frozen=True, slots=True)
class Orphan:
    """A running run that no task works on, as recovery needs it."""

    run: UUID
    chat: UUID
    token: UUID


def stale_runs(lease: float) -> list[Orphan]:
    """Running runs whose owner is gone, or has not said for `lease` seconds (by the database's clock) that it lives."""
    gone = Q(owner=None) | Q(owner__heartbeat_at__lt=Now() - timedelta(seconds=lease))
    found = Run.objects.filter(gone, status=Run.Status.RUNNING).values_list("id", "chat_id", "token")
    return [Orphan(run=run, chat=chat, token=token) for run, chat, token in found]


def is_oldest_worker(worker_id: UUID, lease: float) -> bool:
    """Whether no worker that has been heard of in the last `lease` seconds has an older row, by what the rows say."""
    alive = Worker.objects.filter(heartbeat_at__gte=Now() - timedelta(seconds=lease))
    return bool(alive.order_by("started_at", "id").values_list("id", flat=True).first() == worker_id)


@dataclass(frozen=True, slots=True)
class OwnRun:
    """A running run of one worker, as its heartbeat looks at it."""

    run: UUID
    chat: UUID
    reply: UUID
    agent: str
    token: UUID
    stop_requested: bool


def runs_of_worker(worker_id: UUID) -> list[OwnRun]:
    """The running runs that the worker owns by their rows."""
    found = Run.objects.filter(owner=worker_id, status=Run.Status.RUNNING).values_list(
        "id", "chat_id", "reply_id", "agent", "token", "stop_requested"
    )
    return [OwnRun(*row) for row in found]


def running_runs() -> list[Orphan]:
    """Every run that is `running`, whoever owns it."""
    found = Run.objects.filter(status=Run.Status.RUNNING).values_list("id", "chat_id", "token")
    return [Orphan(run=run, chat=chat, token=token) for run, chat, token in found]


def owns_run(run_id: UUID, token: UUID) -> bool:
    """Whether the run is still running under this token."""
    return Run.objects.filter(id=run_id, token=token, status=Run.Status.RUNNING).exists()


def stop_requested(run_id: UUID) -> bool:
    """Whether the run should stop, or is gone."""
    asked = Run.objects.filter(id=run_id).values_list("stop_requested", flat=True).first()
    return asked is None or asked


@dataclass(frozen=True, slots=True)
class Said:
    """One earlier message as an agent reads it."""

    role: Role
    text: str


def history(chat_id: UUID, *, before: int, budget: int) -> list[Said]:
    """The newest messages before position `before` that fit `budget` characters, oldest first; the last one always,
    cut to the budget at its start. Empty messages and those of other branches are left out.
    """
    said: list[Said] = []
    rows = Message.objects.filter(chat=chat_id, position__lt=before, shown=True).order_by("-position")
    for role, parts in rows.values_list("role", "parts")[:HISTORY_ROWS].iterator(chunk_size=20):
        text = "\n\n".join(part["text"] for part in parts if part["type"] == "text" and part["text"])
        if not text.strip():
            continue
        if said and len(text) > budget:
            break
        said.append(Said(role=cast(Role, role), text=text[-budget:] if len(text) > budget else text))
        budget -= len(text)
        if budget <= 0:
            break
    return said[::-1]


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent is asked: what was said before, oldest first, and the part of the reply that it should go on with,
    or None where it begins.
    """

    said: list[Said]
    continues: str | None


def question(reply_id: UUID, *, budget: int) -> Question:
    """What the run of this reply is asked, within `budget` characters. A reply that has parts already is part of it."""
    chat_id, position, parts = Message.objects.values_list("chat_id", "position", "parts").get(id=reply_id)
    texts = [part["id"] for part in parts if part["type"] == "text" and part["text"].strip()]
    if not texts:
        return Question(said=history(chat_id, before=position, budget=budget), continues=None)
    return Question(said=history(chat_id, before=position + 1, budget=budget), continues=texts[-1])


def title_wanted(chat_id: UUID) -> bool:
    """Whether the chat still has the title made of its first words, so that a model may write one."""
    return Chat.objects.filter(id=chat_id, deleted_at=None, titled_by=Chat.TitledBy.WORDS).exists()
