"""The list of a person's chats: by page, and by what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from unicodedata import normalize
from uuid import UUID

from django.db.models import F

from chat.models import Chat, ChatList, Member
from chat.protocol.objects import ChatObject
from chat.selectors.rows import PAGE, chat_object, chat_rows


def chat_page(
    *,
    user_id: UUID,
    archived: bool = False,
    pinned: bool = False,
    title: str = "",
    before: int | None = None,
    limit: int = PAGE,
) -> tuple[list[ChatObject], int | None]:
    """A page of the person's chats, newest first, and the cursor (`before`) of the next page or None. `pinned`: only
    those. `title`: only those whose title holds this, as `folded`; looked for along the person's own list, so it costs
    their chats and not everyone's.
    """
    members = Member.objects.filter(user=user_id, chat__archived=archived, chat__deleted_at=None)
    if pinned:
        members = members.filter(chat__pinned=True)
    if before is not None:
        members = members.filter(recent__lt=before)
    rows = members.order_by("-recent")
    if title:
        # SQLite knows the case of ASCII alone, Postgres that of its locale; and neither how a letter is composed.
        wanted = folded(title)
        titles = rows.values_list("chat_id", "recent", "chat__title")
        found = list(islice(((one, recent) for one, recent, its in titles if wanted in folded(its)), limit + 1))
    else:
        found = list(rows.values_list("chat_id", "recent")[: limit + 1])
    ids = [chat_id for chat_id, _ in found[:limit]]
    chats = {chat.id: chat_object(chat) for chat in chat_rows(Chat.objects.filter(id__in=ids))}
    return [chats[chat_id] for chat_id in ids if chat_id in chats], found[limit - 1][1] if len(found) > limit else None


def folded(text: str) -> str:
    """A text without what one does not mean when one looks for words: case, how letters are composed, and the accents
    of Latin, Greek and Cyrillic ones (so that every I of Turkish is found). The page's `list.js` does the same.
    """
    if text.isascii():
        return text.upper()
    return "".join(one for one in normalize("NFKD", text) if not "\u0300" <= one <= "\u036f").upper()


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
    changed = Chat.objects.filter(members__user=user_id, members__version__gt=after)
    rows = list(chat_rows(changed).annotate(list_version=F("members__version")).order_by("list_version")[:PAGE])
    return ListChange(
        version=rows[-1].list_version if rows else after,
        chats=[chat_object(row) for row in rows if row.deleted_at is None],
        removed=[row.id for row in rows if row.deleted_at is not None],
    )
