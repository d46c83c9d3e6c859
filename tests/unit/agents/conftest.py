"""A model's server on loopback, and agents that ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat.agents.openai_chat import OpenAIChatAgent
from tests.fakes.upstream import FakeUpstream
from tests.unit.agents.asking import IMPATIENT, openai_agent


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def agent(upstream: FakeUpstream) -> AsyncIterator[OpenAIChatAgent]:
    agent = openai_agent(upstream.base_url)
    yield agent
    await agent.aclose()


@pytest.fixture
async def impatient(upstream: FakeUpstream) -> AsyncIterator[OpenAIChatAgent]:
    """An agent that takes half a second of silence for the end."""
    agent = openai_agent(upstream.base_url, patience=IMPATIENT)
    yield agent
    await agent.aclose()
