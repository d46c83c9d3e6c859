"""People, their chats and what they said, made by the services themselves in the test's own database."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from accounts.models import User
from chat.models import Run
from chat.protocol.objects import RunStatus, TextPart
from chat.selectors import Question, question
from chat.services.announce import Move, moved
from chat.services.chats import create_chat
from chat.services.messages import Asking, Posted, post_message
from chat.services.runs import finish_run
from chat.services.workers import register_worker

_numbers = itertools.count(1)


def new_user() -> UUID:
    """Someone new."""
    return User.objects.create(username=f"person-{next(_numbers)}").id


def new_chat(user: UUID, *, title: str | None = None) -> UUID:
    """A chat of `user`, answered by the agent "assistant"."""
    return create_chat(user_id=user, client_id=f"chat-{next(_numbers)}", agent="assistant", title=title)


def asking(
    user: UUID, chat: UUID, *, client_id: str = "", worker: UUID | None = None, agent: str | None = None
) -> Asking:
    """Who asks, with a `client_id` of its own unless given."""
    return Asking(
        user_id=user,
        chat_id=chat,
        client_id=client_id or f"message-{next(_numbers)}",
        worker_id=worker or register_worker(name="test"),
        agent=agent,
    )


def say(user: UUID, chat: UUID, text: str = "Hello", *, client_id: str = "", worker: UUID | None = None) -> Posted:
    """Post a message; its run is `running`, and nobody works on it."""
    return post_message(asking(user, chat, client_id=client_id, worker=worker), text=text)


def answer(posted: Posted, text: str = "Hi", *, status: RunStatus = "completed", part: str = "") -> None:
    """End the run that `posted` began, with `text` for its reply, in a part of its own or in `part`."""
    chat, token = Run.objects.values_list("chat_id", "token").get(id=posted.run)
    parts = [TextPart(id=part or f"{posted.run}.1", text=text)] if text else []
    assert finish_run(run_id=posted.run, chat_id=chat, token=token, status=status, parts=[*parts], last_seq=5)


def asked(posted: Posted, budget: int = 1000) -> Question:
    """What the agent is asked by the run that `posted` began."""
    found = question(posted.reply, budget=budget)
    assert found is not None
    return found


def talk(user: UUID, chat: UUID, turns: int = 1, text: str = "Hello") -> None:
    """So many messages, each with its answer."""
    worker = register_worker(name="test")
    for _ in range(turns):
        answer(say(user, chat, text, worker=worker))


@contextmanager
def announced() -> Iterator[list[Move]]:
    """What is announced inside the block."""
    moves: list[Move] = []

    def hear(sender: object, move: Move, **_: object) -> None:
        moves.append(move)

    moved.connect(hear)
    try:
        yield moves
    finally:
        moved.disconnect(hear)
