"""Titles: what is made of an answer, and how little of it is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from chat.agents.base import AgentError, Turn, TurnMessage
from chat.agents.openai_chat import OpenAIChatAgent
from chat.agents.titles import MAX_TITLE, title_from, write_title
from chat.protocol.events import (
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageEnd,
    ReasoningMessageStart,
    RunFinished,
    TextMessageContent,
    TextMessageStart,
)
from tests import TIMEOUT
from tests.fakes.upstream import Behaviour, FakeUpstream
from tests.unit.agents.asking import openai_agent

ASKED = [TurnMessage("user", "How do I grow tomatoes on a balcony?"), TurnMessage("assistant", "With sun and water.")]


class Says:
    """An agent that answers with these deltas, then with `error` or with silence, and notes what was read of it."""

    name = title = "says"
    context_chars = 1000
    writes_titles = True

    def __init__(self, *deltas: str, error: AgentError | None = None, hangs: bool = False) -> None:
        self.deltas = deltas
        self.error = error
        self.hangs = hangs
        self.turn: Turn | None = None
        self.read = 0
        self.closed = False

    async def run(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
        self.turn = turn
        try:
            yield ReasoningMessageStart(message_id="r")
            yield ReasoningMessageContent(message_id="r", delta="Title: a thought\n")
            yield ReasoningMessageEnd(message_id="r")
            yield TextMessageStart(message_id="t")
            for delta in self.deltas:
                self.read += 1
                yield TextMessageContent(message_id="t", delta=delta)
            if self.error:
                raise self.error
            if self.hangs:
                await asyncio.Event().wait()
            yield RunFinished(thread_id=turn.thread_id, run_id=turn.run_id)
        finally:
            self.closed = True

    async def aclose(self) -> None: ...


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Tomatoes on a Balcony", "Tomatoes on a Balcony"),
        ("  Tomatoes on a Balcony.\n", "Tomatoes on a Balcony"),
        ('"Tomatoes on a Balcony"', "Tomatoes on a Balcony"),
        ('"Tomatoes on a Balcony".', "Tomatoes on a Balcony"),
        ("“Tomatoes”", "Tomatoes"),
        ("«Помидоры»", "Помидоры"),
        ("**Tomatoes on a Balcony**", "Tomatoes on a Balcony"),
        ("# Tomatoes", "Tomatoes"),
        ("`Tomatoes`", "Tomatoes"),
        ("Title: Tomatoes", "Tomatoes"),
        ("**Title:** Tomatoes", "Tomatoes"),
        ('TITLE - "Tomatoes"', "Tomatoes"),
        ("Here is a title:\n\n*Tomatoes*\n", "Tomatoes"),
        ("\n\n---\nTomatoes\nand more", "Tomatoes"),
        ("How to Grow Tomatoes?", "How to Grow Tomatoes?"),
        ("Tomatoes & \t Sun", "Tomatoes & Sun"),
        ("阳台种番茄。", "阳台种番茄"),
        ("", None),
        (" \n\t\n", None),
        ("...", None),
        ('""', None),
        ("Title:", None),
        ("I think that growing tomatoes on a balcony is a very good idea", None),
    ],
)
def test_title_is_the_answer_without_what_models_put_around_it(answer: str, title: str | None) -> None:
    assert title_from(answer) == title


def test_long_title_is_cut_between_words() -> None:
    title = title_from("Extraordinarily comprehensive recommendations concerning balconies and tomatoes")
    assert title == "Extraordinarily comprehensive recommendations concerning…"
    assert len(title) <= MAX_TITLE


def test_long_title_of_one_word_is_cut_within_it() -> None:
    assert title_from("番" * 100) == "番" * (MAX_TITLE - 1) + "…"


async def test_model_is_shown_the_message_and_asked_for_a_title() -> None:
    agent = Says("Growing Tomatoes")
    assert await write_title(agent, ASKED) == "Growing Tomatoes"
    assert agent.turn is not None
    last = agent.turn.messages[-1]
    assert last.role == "user"
    assert "title of at most six words" in last.text
    assert ASKED[0].text in last.text


async def test_long_message_is_shown_in_part() -> None:
    agent = Says("Tomatoes")
    await write_title(agent, [TurnMessage("user", "tomatoes " * 10_000)])
    assert agent.turn is not None
    assert sum(len(message.text) for message in agent.turn.messages) < 3000


async def test_reading_stops_at_the_end_of_the_line() -> None:
    agent = Says("Growing ", "Tomatoes", "\n", "\nThis ", "title ", "says...")
    assert await write_title(agent, ASKED) == "Growing Tomatoes"
    assert agent.read == 3
    assert agent.closed


async def test_model_that_rambles_is_not_read_to_its_end() -> None:
    agent = Says(*(f"tomato{number} " for number in range(10_000)))
    assert await write_title(agent, ASKED) is None
    assert agent.read < 50
    assert agent.closed


async def test_title_that_has_nothing_to_do_with_the_message_is_none() -> None:
    assert await write_title(Says("Facts About Whales"), ASKED) is None


async def test_title_in_writing_without_spaces_is_matched_by_its_characters() -> None:
    asked = [TurnMessage("user", "怎么在阳台种番茄")]
    assert await write_title(Says("番茄种植方法"), asked) == "番茄种植方法"
    assert await write_title(Says("鲸鱼的故事"), asked) is None


async def test_agent_that_fails_gives_no_title() -> None:
    assert await write_title(Says("Tom", error=AgentError("agent_busy", "Busy.")), ASKED) is None


async def test_silent_agent_gives_no_title_within_the_time_limit() -> None:
    agent = Says("Growing", hangs=True)
    assert await write_title(agent, ASKED, time_limit=0.05) is None
    assert agent.closed


@pytest.mark.parametrize("said", [[], ["Hi"], ["ok", "?!"]], ids=["nothing", "hi", "next to nothing"])
async def test_model_is_not_asked_for_the_title_of_a_chat_that_says_nothing(said: list[str]) -> None:
    agent = Says("Growing Tomatoes")
    assert await write_title(agent, [TurnMessage("user", text) for text in said]) is None
    assert agent.turn is None


async def test_stream_of_the_model_is_closed_once_the_title_is_there() -> None:
    async with FakeUpstream(Behaviour(text="Growing Tomatoes\n" + "x" * 10_000, rate=500)) as upstream:
        agent: OpenAIChatAgent = openai_agent(upstream.base_url)
        start = time.monotonic()
        assert await write_title(agent, ASKED) == "Growing Tomatoes"
        assert time.monotonic() - start < TIMEOUT
        async with asyncio.timeout(TIMEOUT):
            (request,) = await upstream.ended()
        assert request.ended == "left"
        assert request.sent < 100
        await agent.aclose()
