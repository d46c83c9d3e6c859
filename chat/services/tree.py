"""The messages of a chat as a tree with one chosen path, which is what people see.

Callers hold the chat's lock and have raised its version.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chat.models import Chat, Message


def append(chat: Chat, messages: Sequence[Message]) -> None:
    """Insert new messages at the end of the chosen path, each the child of the one before, the first the child of that
    end. Sets positions, and `chat.last_position` (not saved).
    """
    # There is no choice to be made: the end of the path has none, and so goes on through its youngest child.
    for message in messages:
        chat.last_position += 1
        message.position = chat.last_position
    Message.objects.bulk_create(messages)


def end_at(chat: Chat, message: Message | None) -> None:
    """Let the chosen path end at `message`, or be empty for None. Who commands may not know yet that its branch is not
    shown any more: then it is again, from where it leaves the chosen path."""
    _turn(chat, message, None)


def show_branch(chat: Chat, message: Message) -> None:
    """Let the chosen path go through `message`, and below it as it went last."""
    _turn(chat, message.parent, message)
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


def _turn(chat: Chat, end: Message | None, child: Message | None) -> None:
    """Let the chosen path end at `end`, which shows no children from now on, or chooses `child`."""
    turned: list[Message] = []
    above: dict[UUID, Message] = {}
    if end is not None and not end.shown:
        # The way up to where it leaves the path may be long: it is looked for in memory, not step by step.
        earlier = Message.objects.filter(chat=chat, position__lt=end.position)
        above = earlier.only("parent", "shown", "position").in_bulk()
    while end is not None:
        end.choice = child
        turned.append(end)
        if end.shown:
            break
        end, child = above[end.parent_id] if end.parent_id else None, end
    Message.objects.bulk_update(turned, ["choice"])
    below = Message.objects.filter(chat=chat, shown=True)
    if end is not None:
        below = below.filter(position__gt=end.position)
    below.update(shown=False, version=chat.version)
    hidden = [message.id for message in turned if not message.shown]
    Message.objects.filter(id__in=hidden).update(shown=True, version=chat.version)
