"""How fast a reply came is measured where it is written, and kept with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from msgspec import UNSET

from chat import selectors
from chat.agents.base import Turn
from chat.database import in_database
from chat.protocol.events import AnyEvent, RunFinished, TokenUsage
from chat.protocol.objects import Timing
from chat.runs.pace import Pace
from tests.agents import Speaker, text
from tests.chats import new_chat, new_user
from tests.worker import idle, post, worker


def test_a_run_without_a_word_has_nothing_to_tell() -> None:
    assert Pace().timing([]) is None


@pytest.fixture
def user(transactional_db: None) -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


async def test_a_reply_is_kept_with_how_fast_it_came(user: UUID, chat: UUID) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        await asyncio.sleep(0.1)
        for event in text(turn, "Hello, ", "world"):
            yield event
            await asyncio.sleep(0.05)
        usage = [TokenUsage(model="a", output_tokens=2), TokenUsage(model="b", output_tokens=1), TokenUsage(model="c")]
        yield RunFinished(thread_id="", run_id="", usage=usage)

    async with worker(Speaker(speech)) as runtime:
        await post(runtime, user, chat)
        await idle(runtime)
    (question, reply), _ = await in_database(selectors.message_page, user_id=user, chat_id=chat)
    assert question.timing is UNSET
    assert isinstance(reply.timing, Timing)
    assert 0.09 < reply.timing.first < 5, "in seconds"
    assert 0.04 < reply.timing.writing < 5
    assert (reply.timing.characters, reply.timing.tokens) == (12, 3)
