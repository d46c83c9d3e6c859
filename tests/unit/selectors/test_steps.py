"""What statements look through, in SQLite's own count: no more of a longer chat."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from chat import selectors
from chat.models import Chat
from chat.services.messages import edit_message, retry_reply
from tests.chats import answer, asking, new_chat, new_user, say, talk

pytestmark = pytest.mark.django_db


def steps(read: Callable[[], object]) -> int:
    """How many steps of its programs SQLite takes for it: what a statement looks through is in them."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    connection.connection.set_progress_handler(count, 1)
    try:
        read()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return taken


def test_no_statement_looks_through_more_of_a_longer_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    user = new_user()
    monkeypatch.setattr("chat.selectors.chats.CHANGED_ROWS", 20)
    found = []
    for turns in (30, 90):
        chat = new_chat(user)
        first = say(user, chat)
        answer(first)
        answer(edit_message(asking(user, chat), message_id=first.message, text="Hello again"))
        talk(user, chat, turns)
        last = say(user, chat)
        answer(last)
        again = retry_reply(asking(user, chat), message_id=last.reply)
        version = Chat.objects.get(id=chat).version
        reads: list[Callable[[], object]] = [
            partial(selectors.snapshot, chat),
            partial(selectors.chat_change, chat, version - 1),
            partial(selectors.chat_change, chat, 1),
            partial(selectors.message_page, user_id=user, chat_id=chat),
            partial(selectors.message_page, user_id=user, chat_id=chat, before=50),
            partial(selectors.message_for, user_id=user, chat_id=chat, message_id=again.reply),
            partial(selectors.message_for, user_id=user, chat_id=chat, message_id=first.message),
            partial(selectors.chat_for, user_id=user, chat_id=chat),
            partial(selectors.resumable_runs, chat, [last.run]),
            partial(selectors.question, again.reply, budget=50),
        ]
        found.append([steps(read) for read in reads])
    assert found[1] == pytest.approx(found[0], rel=0.05)
