"""Asking: what starts a run. A message is posted or edited, a reply asked for again or continued.

All four are the same act: lock the chat, look whether this command was carried out before, look whether the chat is
free, add to the tree, start a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chat.models import Chat, Message, Run
from chat.protocol.codes import ChatBusy, EmptyText, InvalidCommand, NotAllowed, NotFound, TextTooLong, TooManyRequests
from chat.protocol.commands import MAX_TEXT_HTTP
from chat.services.announce import Move, announce
from chat.services.chats import bump_lists, locked_chat
from chat.services.tree import append, end_at, show_branch

TITLE_CHARS = 60
TOO_MANY_RUNS = "Too many replies are being written for you at once. Wait for one to end, or stop one."
MAX_REPLY = 4 * 1024 * 1024
"""Bytes of JSON text that a run may write, and after which its reply goes on no more: a model that has lost its way
stops here."""
# All that a command depends on, in one look at a chat that is locked. Not in the statement that takes the lock: where
# that waits, it sees what was before. Not in Django's words: to make them anew each time takes four times as long as
# the locked chat and this look do together.
_LOOK = """
SELECT (SELECT id FROM chat_run WHERE chat_id = %s AND requester_id = %s AND client_id = %s),
  EXISTS (SELECT 1 FROM chat_run WHERE chat_id = %s AND status = 'running'),
  (SELECT count(*) FROM chat_run WHERE requester_id = %s AND status = 'running'),
  (SELECT id FROM chat_message WHERE chat_id = %s AND shown ORDER BY position DESC LIMIT 1)
"""
CONTINUABLE = (Message.Status.STOPPED, Message.Status.INTERRUPTED, Message.Status.FAILED)


@dataclass(frozen=True, slots=True)
class Started:
    """A run that the caller must now start: it is committed as `running`, owned by the caller's worker."""

    run: UUID
    chat: UUID
    reply: UUID
    agent: str
    token: UUID


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a question: the message that is answered, its reply and the run; `started` only where this call
    made it."""

    message: UUID
    reply: UUID
    run: UUID
    started: Started | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, and where. The same `client_id` of the same user in the same chat is the same question: asked again,
    also while the chat is busy, it returns what it made then. `agent` overrides the chat's for this reply; it exists.
    """

    user_id: UUID
    chat_id: UUID
    client_id: str
    worker_id: UUID
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """A chat, locked, as a command finds it."""

    chat: Chat
    known: Posted | None
    """What the same command made when it came before."""
    busy: bool
    """A reply is being written in it."""
    runs: int
    """Replies that are being written for this person, here and elsewhere."""
    last: UUID | None
    """The last message that is shown."""

    def free_chat(self) -> Chat:
        """The chat, where a reply may begin. Raises `ChatBusy`, `TooManyRequests`."""
        if self.busy:
            raise ChatBusy
        if self.runs >= settings.USER_RUNS:
            raise TooManyRequests(TOO_MANY_RUNS, retry_after=5.0)
        return self.chat


def _enter(asking: Asking) -> _Place:
    """Raises `NotFound`."""
    chat = locked_chat(user_id=asking.user_id, chat_id=asking.chat_id)
    chat_id, user_id = (Chat._meta.pk.get_db_prep_value(id_, connection) for id_ in (chat.id, asking.user_id))
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [chat_id, user_id, asking.client_id, chat_id, user_id, chat_id])
        run, busy, runs, last = cursor.fetchone()
    known = None
    if run is not None:
        message, reply = Run.objects.values_list("reply__parent", "reply").get(id=UUID(str(run)))
        if message is not None:
            known = Posted(message=message, reply=reply, run=UUID(str(run)), started=None)
    return _Place(chat, known, bool(busy), runs, None if last is None else UUID(str(last)))


def post_message(asking: Asking, *, text: str) -> Posted:
    """Post `text` at the end of what is shown, with the empty reply and the run that will write it: one transaction.

    Raises `NotFound`, `EmptyText`, `TextTooLong` over 1 MiB of UTF-8, `InvalidCommand` for NUL, `ChatBusy`,
    `TooManyRequests` (replies at once). Afterwards the caller owes the run: it must be started, or ended by
    `finish_run`.
    """
    _check_text(text)
    with transaction.atomic():
        place = _enter(asking)
        if place.known is not None:
            return place.known
        chat = place.free_chat()
        chat.version += 1
        return _ask(chat, asking, text, parent_id=place.last)


def edit_message(asking: Asking, *, message_id: UUID, text: str) -> Posted:
    """Say something else instead of an own message: a new one beside it, with a reply of its own, is shown from now on.
    The old one and what followed stay in their branch. Raises as `post_message` does, and `NotAllowed`."""
    _check_text(text)
    with transaction.atomic():
        place = _enter(asking)
        if place.known is not None:
            return place.known
        message = _message(asking.chat_id, message_id)
        if message.role != Message.Role.USER or message.author_id != asking.user_id:
            raise NotAllowed("Only your own messages can be edited.")
        chat = place.free_chat()
        chat.version += 1
        end_at(chat, message.parent)
        return _ask(chat, asking, text, parent_id=message.parent_id)


def retry_reply(asking: Asking, *, message_id: UUID) -> Posted:
    """Ask for another reply beside this one; it is shown from now on. Raises `NotFound`, `NotAllowed` (no reply),
    `ChatBusy`, `TooManyRequests`."""
    with transaction.atomic():
        place = _enter(asking)
        if place.known is not None:
            return place.known
        old = _message(asking.chat_id, message_id)
        if old.role != Message.Role.ASSISTANT or old.parent is None:
            raise NotAllowed("Only a reply can be asked for again.")
        chat = place.free_chat()
        chat.version += 1
        end_at(chat, old.parent)
        reply = _new_reply(chat, old.parent.id)
        append(chat, [reply])
        return _start(chat, asking, reply)


def continue_reply(asking: Asking, *, message_id: UUID) -> Posted:
    """Let a reply that was stopped, interrupted or failed go on where it ended, in the same message. Only the last one
    that is shown can, while it has no more than `MAX_REPLY` bytes. Raises as `retry_reply` does."""
    with transaction.atomic():
        place = _enter(asking)
        if place.known is not None:
            return place.known
        reply = _message(asking.chat_id, message_id)
        if reply.status not in CONTINUABLE or place.last != reply.id:
            raise NotAllowed("Only the last reply can be continued, when it was stopped or broke off.")
        if len(msgspec.json.encode(reply.parts)) > MAX_REPLY:
            raise NotAllowed("This reply is as long as one may be. Ask for the rest in a new message.")
        chat = place.free_chat()
        chat.version += 1
        reply.status, reply.version, reply.run_id = Message.Status.STREAMING, chat.version, uuid4()
        reply.error_code = reply.error_message = ""
        reply.save(update_fields=["status", "version", "run", "error_code", "error_message"])
        return _start(chat, asking, reply)


def choose_branch(*, user_id: UUID, chat_id: UUID, message_id: UUID) -> None:
    """Show this message and what followed it last, instead of those beside it. Nothing changes where it is shown.
    Raises `NotFound`, and `ChatBusy` while a reply is being written."""
    with transaction.atomic():
        chat = locked_chat(user_id=user_id, chat_id=chat_id)
        message = _message(chat_id, message_id)
        if message.shown:
            return
        if Run.objects.filter(chat=chat, status=Run.Status.RUNNING).exists():
            raise ChatBusy
        chat.version += 1
        show_branch(chat, message)
        chat.save(update_fields=["version"])
        announce(Move(chats={chat.id: chat.version}, users=bump_lists(chat)))


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidCommand("A message may not hold the character NUL (U+0000). Remove it and send again.")
    if not text.strip():
        raise EmptyText
    if len(text.encode()) > MAX_TEXT_HTTP:
        raise TextTooLong("A message may have 1 MiB at most. Send it in parts.")


def _message(chat_id: UUID, message_id: UUID) -> Message:
    """Without what it says, which may be much. Raises `NotFound`."""
    found = Message.objects.filter(chat=chat_id, id=message_id).select_related("parent")
    message = found.defer("parts", "parent__parts").first()
    if message is None:
        raise NotFound
    return message


def _ask(chat: Chat, asking: Asking, text: str, *, parent_id: UUID | None) -> Posted:
    message = Message(
        chat=chat,
        parent_id=parent_id,
        version=chat.version,
        role=Message.Role.USER,
        author_id=asking.user_id,
        client_id=asking.client_id,
        status=Message.Status.COMPLETE,
    )
    message.parts = [{"type": "text", "id": str(message.id), "text": text}]
    reply = _new_reply(chat, message.id)
    append(chat, [message, reply])
    if chat.titled_by == Chat.TitledBy.NOBODY:
        chat.title, chat.titled_by = _first_words(text), Chat.TitledBy.WORDS
    return _start(chat, asking, reply)


def _new_reply(chat: Chat, parent_id: UUID) -> Message:
    return Message(
        chat=chat,
        parent_id=parent_id,
        version=chat.version,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        run_id=uuid4(),
    )


def _start(chat: Chat, asking: Asking, reply: Message) -> Posted:
    """Make the run that `reply` names already, and save the chat, whose version has been raised."""
    assert reply.run_id is not None and reply.parent_id is not None  # noqa: S101, PT018  # a reply always has both
    run = Run.objects.create(
        id=reply.run_id,
        chat=chat,
        reply=reply,
        requester_id=asking.user_id,
        client_id=asking.client_id,
        agent=asking.agent or chat.agent,
        version=chat.version,
        owner_id=asking.worker_id,
    )
    chat.updated_at = timezone.now()
    chat.save(update_fields=["version", "last_position", "updated_at", "title", "titled_by"])
    announce(Move(chats={chat.id: chat.version}, users=bump_lists(chat, recent=True)))
    started = Started(run=run.id, chat=chat.id, reply=reply.id, agent=run.agent, token=run.token)
    return Posted(message=reply.parent_id, reply=reply.id, run=run.id, started=started)


def _first_words(text: str) -> str:
    """A title at once: the first words that fit `TITLE_CHARS` characters."""
    words = " ".join(text[:1000].split())
    if len(words) <= TITLE_CHARS:
        return words
    cut = words[: TITLE_CHARS - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"
