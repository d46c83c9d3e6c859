"""What a reply of a thousand tokens costs: neither statements nor notes to other processes grow token by token."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
from django.db.backends.utils import CursorWrapper
from pytest_django import Settings

from chat import notes
from chat.agents.base import Turn
from chat.protocol.events import AnyEvent, TextMessageContent, TextMessageEnd, TextMessageStart
from tests.agents import Speaker, finished
from tests.chats import new_chat, new_user
from tests.reader import reading
from tests.until import until
from tests.worker import idle, outcome, post, worker

pytestmark = pytest.mark.django_db(transaction=True)
BURSTS = 50
"""How often the agent hands over what has come; a reader, the log and the layer may take part in each, once."""


@pytest.fixture(autouse=True)
def _alone(settings: Settings) -> None:
    """The log is the database, where each statement can be counted."""
    settings.REDIS_URL = ""


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Statements so far by the kind of thread that had them executed."""
    counted: Counter[str] = Counter()

    def counting(method: Any) -> Any:
        def call(cursor: CursorWrapper, *args: Any, **kwargs: Any) -> Any:
            counted[threading.current_thread().name.rpartition("_")[0]] += 1
            return method(cursor, *args, **kwargs)

        return call

    for name in ("execute", "executemany"):
        monkeypatch.setattr(CursorWrapper, name, counting(getattr(CursorWrapper, name)))
    return counted


@pytest.mark.parametrize("tokens", [1_000, 5_000])
async def test_neither_statements_nor_notes_grow_with_tokens_one_by_one(
    user: UUID, chat: UUID, statements: Counter[str], tokens: int
) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        part = turn.part_id(1)
        yield TextMessageStart(message_id=part)
        for number in range(tokens):
            yield TextMessageContent(message_id=part, delta=f"{number} ")
            if number % (tokens // BURSTS) == 0:
                await asyncio.sleep(0.001)
        yield TextMessageEnd(message_id=part)
        yield finished(turn)

    loop = asyncio.get_running_loop()
    async with worker(Speaker(speech)) as runtime, reading(runtime.hub, user, chat) as reader:
        await until(lambda: reader.of("chat.snapshot"))
        statements.clear()
        began = loop.time()
        posted = await post(runtime, user, chat)
        await until(lambda: reader.status(posted.reply) == "complete")
        await idle(runtime)
        seconds = loop.time() - began
        counted, sent = statements.copy(), runtime._notes.sent
        found = await outcome(posted.run)
    expected = "".join(f"{number} " for number in range(tokens))
    assert found.text == reader.text(posted.reply) == expected
    # The log: one write a burst at most, as a write takes all that has gathered; one more for RUN_STARTED and one for
    # the end. Each is two statements, BEGIN and INSERT.
    assert 2 <= counted["run-log"] <= 2 * (BURSTS + 3)
    assert found.last_seq <= BURSTS + 6
    # Everything else happens once a run, whatever it says: post, stop?, history, end, and a reader's look at the chat
    # and at the list for the beginning and for the end; reconnecting, a title and a heartbeat do not grow either.
    assert counted["database"] + counted["reserve"] <= 45
    # The layer: ten notes a second at most.
    assert sent <= seconds / notes.EVERY + 2
    # And a reader's frames: one for each write at most, and the few that announce and end.
    assert len(reader.frames) <= BURSTS + 10
