"""A model's server on loopback, and an agent that asks it and does not wait long."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat.agents.openai_chat import OpenAIChatAgent
from tests.fakes.upstream import FakeUpstream
from tests.unit.agents.asking import openai_agent


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def agent(upstream: FakeUpstream) -> AsyncIterator[OpenAIChatAgent]:
    agent = openai_agent(upstream.base_url)
    yield agent
    await agent.aclose()
