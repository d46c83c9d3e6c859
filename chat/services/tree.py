"""The messages of a chat as a tree with one chosen path, which is what people see.

Callers hold the chat's lock and have raised its version.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chat.models import Chat, Message


def last_shown(chat: Chat) -> Message | None:
    """The end of the chosen path."""
    return Message.objects.filter(chat=chat, shown=True).order_by("-position").first()


def put_below(chat: Chat, messages: Sequence[Message]) -> None:
    """Insert new messages, each the child of the one before, as the end of the chosen path; what was shown below the
    first one's parent is not any more. Sets positions, and `chat.last_position` (not saved).
    """
    _end_at(chat, messages[0].parent)
    for message in messages:
        chat.last_position += 1
        message.position = chat.last_position
    Message.objects.bulk_create(messages)
    for message in messages:
        _choose(message)


def show_branch(chat: Chat, message: Message) -> None:
    """Let the chosen path go through `message`, and below it as it went last."""
    _end_at(chat, message.parent)
    _choose(message)
    shown = [message.id]
    children: dict[UUID | None, list[UUID]] = {}
    choices: dict[UUID, UUID | None] = {message.id: message.choice_id}
    below = Message.objects.filter(chat=chat, position__gt=message.position).order_by("position")
    for child, parent, last in below.values_list("id", "parent_id", "choice_id"):
        children.setdefault(parent, []).append(child)
        choices[child] = last
    while (born := children.get(shown[-1])) is not None:
        choice = choices[shown[-1]]
        shown.append(choice if choice is not None and choice in born else born[-1])
    Message.objects.filter(id__in=shown).update(shown=True, version=chat.version)


def _end_at(chat: Chat, message: Message | None) -> None:
    """Let the chosen path end at `message`, or be empty for None. Who commands may not know yet that its branch is not
    shown any more: then it is again, from where it leaves the chosen path."""
    hidden: list[Message] = []
    while message is not None and not message.shown:
        hidden.append(message)
        message = message.parent
    below = Message.objects.filter(chat=chat, shown=True)
    if message is not None:
        below = below.filter(position__gt=message.position)
    below.update(shown=False, version=chat.version)
    for each in hidden:
        _choose(each)
    Message.objects.filter(id__in=[each.id for each in hidden]).update(shown=True, version=chat.version)


def _choose(message: Message) -> None:
    if message.parent_id is not None:
        Message.objects.filter(id=message.parent_id).update(choice=message.id)
