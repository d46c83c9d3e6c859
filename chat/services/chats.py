"""Chats: made, named, put away, deleted, restored."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from chat.models import Chat, ChatList, Member, Run
from chat.protocol.codes import InvalidCommand, NotFound
from chat.services.announce import Move, announce

MAX_TITLE = 200
"""Characters."""
# Django has no word for it. In the order of the users, and so in the order in which lists are locked.
_RAISE = """
INSERT INTO chat_chatlist (user_id, version)
SELECT user_id, 1 FROM chat_member WHERE chat_id = %s ORDER BY user_id
ON CONFLICT (user_id) DO UPDATE SET version = chat_chatlist.version + 1
"""


def locked_chat(*, user_id: UUID, chat_id: UUID, deleted: bool = False) -> Chat:
    """The chat, locked until the transaction ends, if this user is a member. Raises `NotFound` otherwise, and for a
    deleted chat unless `deleted`.
    """
    chat = Chat.objects.select_for_update(of=("self",)).filter(id=chat_id, members__user=user_id).first()
    if chat is None or (chat.deleted_at is not None and not deleted):
        raise NotFound
    return chat


def bump_lists(chat: Chat, *, recent: bool = False) -> dict[UUID, int]:
    """Raise the list version of every member of a locked chat; `recent` puts it on top. Returns the new versions."""
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [Chat._meta.pk.get_db_prep_value(chat.id, connection)])
    version = Subquery(ChatList.objects.filter(user=OuterRef("user")).values("version"))
    changed = {"version": version, "recent": version} if recent else {"version": version}
    members = Member.objects.filter(chat=chat)
    members.update(**changed)
    # Read, for the SQLite that some Pythons come with has no RETURNING yet.
    return dict(members.values_list("user_id", "version"))


def _save(chat: Chat, *fields: str) -> None:
    """One more version of a locked chat, saved with `fields`, shown in its members' lists, and announced."""
    chat.version += 1
    chat.save(update_fields=[*fields, "version"])
    announce(Move(chats={chat.id: chat.version}, users=bump_lists(chat)))


def create_chat(*, user_id: UUID, client_id: str, agent: str, title: str | None = None) -> UUID:
    """Make a chat with one member, its owner; returns its id. The same `client_id` of the same user again returns the
    same chat and changes nothing. `agent` must exist; the caller checks. Raises `InvalidCommand` for a title that is
    longer than 200 characters or holds NUL.
    """
    known = Chat.objects.filter(creator_id=user_id, client_id=client_id).values_list("id", flat=True)
    if (chat_id := known.first()) is not None:
        return chat_id
    title = _clean_title(title or "")
    try:
        with transaction.atomic():
            chat = Chat.objects.create(
                creator_id=user_id,
                client_id=client_id,
                agent=agent,
                title=title,
                titled_by=Chat.TitledBy.PERSON if title else Chat.TitledBy.NOBODY,
                updated_at=timezone.now(),
            )
            Member.objects.create(chat=chat, user_id=user_id, version=0, recent=0)
            announce(Move(chats={chat.id: chat.version}, users=bump_lists(chat, recent=True)))
            return chat.id
    except IntegrityError:
        # The same command came twice at once; the other one made it.
        if (chat_id := known.first()) is not None:
            return chat_id
        raise


def _clean_title(title: str) -> str:
    if "\x00" in title:
        raise InvalidCommand("A title may not hold the character NUL (U+0000). Remove it and try again.")
    title = " ".join(title.split())
    if len(title) > MAX_TITLE:
        raise InvalidCommand(f"A title may have {MAX_TITLE} characters at most. Shorten it and try again.")
    return title


def edit_chat(
    *,
    user_id: UUID,
    chat_id: UUID,
    title: str | None = None,
    archived: bool | None = None,
    pinned: bool | None = None,
) -> None:
    """Give a chat a person's title, which no model overwrites; put it away, or take it back; keep it at the top of the
    list, or not any more: whatever is not None, all of it or nothing. Raises `NotFound`, and `InvalidCommand` for a
    title that is empty, longer than 200 characters or holds NUL.
    """
    if title is not None and not (title := _clean_title(title)):
        raise InvalidCommand("A title needs at least one character.")
    with transaction.atomic():
        chat = locked_chat(user_id=user_id, chat_id=chat_id)
        changed: list[str] = []
        if title is not None:
            chat.title, chat.titled_by = title, Chat.TitledBy.PERSON
            changed += ["title", "titled_by"]
        if archived is not None and archived != chat.archived:
            chat.archived = archived
            changed.append("archived")
        if pinned is not None and pinned != chat.pinned:
            chat.pinned = pinned
            changed.append("pinned")
        if changed:
            _save(chat, *changed)


def title_chat(*, chat_id: UUID, title: str) -> bool:
    """Give a chat the title that a model wrote, unless it was named before or is gone. Says whether."""
    title = _clean_title(title[:MAX_TITLE])
    with transaction.atomic():
        chat = Chat.objects.select_for_update().filter(id=chat_id, deleted_at=None).first()
        if chat is None or not title or chat.titled_by in (Chat.TitledBy.PERSON, Chat.TitledBy.MODEL):
            return False
        chat.title, chat.titled_by = title, Chat.TitledBy.MODEL
        _save(chat, "title", "titled_by")
        return True


def delete_chat(*, user_id: UUID, chat_id: UUID) -> None:
    """Take a chat from everyone's list and stop its runs. It can be restored until `cleanup` removes its rows a day
    later. Raises `NotFound`, also for a chat that is deleted already.
    """
    with transaction.atomic():
        chat = locked_chat(user_id=user_id, chat_id=chat_id)
        chat.deleted_at = timezone.now()
        _save(chat, "deleted_at")
        running = Run.objects.filter(chat=chat, status=Run.Status.RUNNING)
        running.update(stop_requested=True)
        announce(Move(stops=tuple(running.values_list("id", flat=True))))


def restore_chat(*, user_id: UUID, chat_id: UUID) -> None:
    """Undo `delete_chat`. Raises `NotFound` once the rows are gone. A chat that is not deleted stays as it is."""
    with transaction.atomic():
        chat = locked_chat(user_id=user_id, chat_id=chat_id, deleted=True)
        if chat.deleted_at is not None:
            chat.deleted_at = None
            _save(chat, "deleted_at")
