"""What an agent is asked: the chat so far, as far as it fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from chat.models import Chat, Message
from chat.protocol.objects import Role

HISTORY_ROWS = 500
"""Messages of history that an agent is given at most, whatever fits its budget."""


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
