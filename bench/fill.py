"""Rows in bulk, for chats and people that have been here for long. Runs beside a server, on its database.

python -m bench.fill messages COUNT CHAT…     until each of these chats has so many messages
python -m bench.fill chats COUNT PERSON…      until each of these people (user ids) owns so many chats
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402  # needs the settings
from django.utils import timezone  # noqa: E402

from chat.models import Chat, ChatList, Member, Message  # noqa: E402

BATCH = 2000
"""Rows in one statement."""
SENTENCE = "Of all that was said in this chat before, this is one message of the usual length. "


def fill_messages(count: int, chats: Iterable[str]) -> None:
    """Questions and answers of some 250 characters, as if said long ago."""
    for chat in Chat.objects.filter(id__in=list(chats)):
        if missing := range(chat.last_position + 1, count + 1):
            # Each by itself, because SQLite has one writer: the server's heartbeats would wait for all of them.
            with transaction.atomic():
                _fill_chat(chat, missing)


def _fill_chat(chat: Chat, missing: range) -> None:
    chat.version += 1
    # Each answers the one before.
    ids = [uuid4() for _ in missing]
    Message.objects.bulk_create(
        (
            Message(
                id=id_,
                parent_id=parent,
                chat=chat,
                position=position,
                version=chat.version,
                role=Message.Role.USER if position % 2 else Message.Role.ASSISTANT,
                author_id=chat.creator_id if position % 2 else None,
                status=Message.Status.COMPLETE,
                parts=[{"type": "text", "id": f"m{position}", "text": 3 * SENTENCE}],
            )
            for position, id_, parent in zip(missing, ids, [None, *ids], strict=False)
        ),
        batch_size=BATCH,
    )
    chat.last_position = missing[-1]
    chat.save(update_fields=["version", "last_position"])


def fill_chats(count: int, people: Iterable[str]) -> None:
    """Chats with a title and nothing in them."""
    for person in people:
        with transaction.atomic():
            _fill_list(person, count)


def _fill_list(person: str, count: int) -> None:
    chat_list, _ = ChatList.objects.get_or_create(user_id=person)
    missing = max(count - Member.objects.filter(user_id=person).count(), 0)
    chats = [
        Chat(
            creator_id=person,
            client_id=uuid4().hex,
            title=f"Chat {number}",
            titled_by=Chat.TitledBy.PERSON,
            agent="assistant",
            updated_at=timezone.now(),
        )
        for number in range(missing)
    ]
    first = chat_list.version + 1
    members = [
        Member(chat=chat, user_id=person, role=Member.Role.OWNER, version=version, recent=version)
        for version, chat in enumerate(chats, first)
    ]
    Chat.objects.bulk_create(chats, batch_size=BATCH)
    Member.objects.bulk_create(members, batch_size=BATCH)
    chat_list.version += missing
    chat_list.save(update_fields=["version"])


if __name__ == "__main__":
    {"messages": fill_messages, "chats": fill_chats}[sys.argv[1]](int(sys.argv[2]), sys.argv[3:])
    if connection.vendor == "sqlite":
        # Otherwise the server's next commit moves all of it into the file, and whoever writes waits for the disk.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
