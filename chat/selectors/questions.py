"""What an agent is asked: the chat so far, as far as it fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast
from uuid import UUID

from django.db.models import Subquery

from chat.models import Message
from chat.protocol.objects import Role

HISTORY_ROWS = 500
"""Messages of history that an agent is given at most, whatever fits its budget."""
FIRST_ROWS = 20
"""Messages that are read at first; while they do not fill the budget, five times as many are read next."""


@dataclass(frozen=True, slots=True)
class Said:
    """One earlier message as an agent reads it."""

    role: Role
    text: str


def _fitting(newest_first: Iterable[tuple[str, list[Any]]], budget: int) -> list[Said]:
    """Those that fit `budget` characters, oldest first; the last one always, cut to the budget at its start. Empty
    messages are left out.
    """
    said: list[Said] = []
    for role, parts in newest_first:
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


def _path(message_id: UUID | None) -> Iterator[tuple[str, list[Any], bool | None]]:
    """A message and those that it answers, up to the first, whichever branch is shown by now: role, parts, and whether
    the run that writes it should stop (None where there is none).
    """
    left, portion = 1 + HISTORY_ROWS, FIRST_ROWS
    while message_id is not None and left:
        # What a message answers is mostly close before it; where other branches lie between, the look begins again. No
        # `iterator`: outside of a transaction Postgres reads all that one asks for, however little is taken.
        last = Message.objects.filter(id=message_id)
        rows = Message.objects.filter(
            chat=Subquery(last.values("chat")), position__lte=Subquery(last.values("position"))
        )
        columns = rows.values_list("id", "parent", "role", "parts", "run__stop_requested")
        found = list(columns.order_by("-position")[:portion])
        if not found:
            return
        for id_, parent, role, parts, stop in found:
            if id_ == message_id and left:
                yield role, parts, stop
                message_id = parent
                left -= 1
        portion = min(5 * portion, HISTORY_ROWS)


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent is asked: what was said before, oldest first, and the part of the reply that it should go on with,
    or None where it begins.
    """

    said: list[Said]
    continues: str | None


def question(reply_id: UUID, *, budget: int) -> Question | None:
    """What the run of this reply is asked, within `budget` characters, or None where it should stop or is gone. A reply
    that has parts already is part of it.
    """
    path = _path(reply_id)
    role, parts, stop = next(path, ("", [], None))
    if stop is not False:
        return None
    texts = [part["id"] for part in parts if part["type"] == "text" and part["text"].strip()]
    begun = [(role, parts, stop)] if texts else []
    said = _fitting(((role, parts) for role, parts, _ in chain(begun, path)), budget)
    return Question(said=said, continues=texts[-1] if texts else None)
