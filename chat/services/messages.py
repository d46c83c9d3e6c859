"""Posting a message, which starts the run that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat.models import Chat, Message, Run
from chat.protocol.codes import ChatBusy, EmptyText, InvalidCommand, TextTooLong, TooManyRequests
from chat.protocol.commands import MAX_TEXT_HTTP
from chat.services.announce import Move, announce
from chat.services.chats import bump_lists, locked_chat

TITLE_CHARS = 60
TOO_MANY_RUNS = "Too many replies are being written for you at once. Wait for one to end, or stop one."


@dataclass(frozen=True, slots=True)
class Started:
    """A run that the caller must now start: it is committed as `running`, owned by the caller's worker."""

    run: UUID
    chat: UUID
    reply: UUID
    agent: str
    token: UUID
    position: int
    """Of the reply; the turn is made of what comes before."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a message; `started` only where this call made it."""

    message: UUID
    reply: UUID
    run: UUID
    started: Started | None


def post_message(
    *, user_id: UUID, chat_id: UUID, text: str, client_id: str, worker_id: UUID, agent: str | None = None
) -> Posted:
    """Post `text` and make the empty reply and the run that will write it, all in one transaction.

    A `client_id` that this user has used in this chat before returns what it made then, also while the chat is busy.
    `agent` overrides the chat's for this reply; it must exist. Raises `NotFound`, `EmptyText`, `TextTooLong` over 1 MiB
    of UTF-8, `ChatBusy`, `TooManyRequests` (replies at once). Afterwards the caller owes the run: it must be
    started, or ended by `finish_run`.
    """
    if "\x00" in text:
        raise InvalidCommand("A message may not hold the character NUL (U+0000). Remove it and send again.")
    if not text.strip():
        raise EmptyText
    if len(text.encode()) > MAX_TEXT_HTTP:
        raise TextTooLong("A message may have 1 MiB at most. Send it in parts.")
    with transaction.atomic():
        chat = locked_chat(user_id=user_id, chat_id=chat_id)
        known = Message.objects.filter(chat=chat, author_id=user_id, client_id=client_id).first()
        if known is not None:
            return _posted_before(known)
        if Run.objects.filter(chat=chat, status=Run.Status.RUNNING).exists():
            raise ChatBusy
        if Run.objects.filter(status=Run.Status.RUNNING, chat__members__user=user_id).count() >= settings.USER_RUNS:
            raise TooManyRequests(TOO_MANY_RUNS, retry_after=5.0)
        return _post(chat, user_id=user_id, text=text, client_id=client_id, worker_id=worker_id, agent=agent)


def _posted_before(message: Message) -> Posted:
    replies = Message.objects.filter(chat_id=message.chat_id, parent=message, role=Message.Role.ASSISTANT)
    reply = replies.select_related("run").earliest("position")
    return Posted(message=message.id, reply=reply.id, run=reply.run.id, started=None)


def _post(chat: Chat, *, user_id: UUID, text: str, client_id: str, worker_id: UUID, agent: str | None) -> Posted:
    chat.version += 1
    parent = Message.objects.filter(chat=chat, removed=False).order_by("-position").first()
    message = Message(
        chat=chat,
        parent=parent,
        position=chat.last_position + 1,
        version=chat.version,
        role=Message.Role.USER,
        author_id=user_id,
        client_id=client_id,
        status=Message.Status.COMPLETE,
    )
    message.parts = [{"type": "text", "id": str(message.id), "text": text}]
    reply = Message(
        chat=chat,
        parent=message,
        position=chat.last_position + 2,
        version=chat.version,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
    )
    Message.objects.bulk_create([message, reply])
    run = Run.objects.create(
        chat=chat, reply=reply, agent=agent or chat.agent, version=chat.version, owner_id=worker_id
    )
    chat.last_position += 2
    chat.updated_at = timezone.now()
    if chat.titled_by == Chat.TitledBy.NOBODY:
        chat.title, chat.titled_by = _first_words(text), Chat.TitledBy.WORDS
    chat.save(update_fields=["version", "last_position", "updated_at", "title", "titled_by"])
    announce(Move(chats={chat.id: chat.version}, users=bump_lists(chat, recent=True)))
    started = Started(
        run=run.id, chat=chat.id, reply=reply.id, agent=run.agent, token=run.token, position=reply.position
    )
    return Posted(message=message.id, reply=reply.id, run=run.id, started=started)


def _first_words(text: str) -> str:
    """A title at once: the first words that fit `TITLE_CHARS` characters."""
    words = " ".join(text[:1000].split())
    if len(words) <= TITLE_CHARS:
        return words
    cut = words[: TITLE_CHARS - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"
