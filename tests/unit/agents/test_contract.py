"""What `chat.agents.base` promises of every agent, held against each of them, and AG-UI's own models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from ag_ui.core import Event as AgUiEvent
from pydantic import TypeAdapter

from chat.agents.base import Agent
from chat.agents.scripted import ScriptedAgent
from chat.protocol.events import (
    CANCELLED,
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageEnd,
    ReasoningMessageStart,
    RunError,
    RunFinished,
    RunStarted,
    TextMessageContent,
    TextMessageEnd,
    TextMessageStart,
    TokenUsage,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallResult,
    ToolCallStart,
)
from tests.fakes.upstream import FakeUpstream, directive
from tests.unit.agents.asking import ask, openai_agent, turn

Command = Callable[..., str]


@pytest.fixture(params=["openai", "scripted"])
async def agent(request: pytest.FixtureRequest, upstream: FakeUpstream) -> AsyncIterator[Agent]:
    agent: Agent
    if request.param == "openai":
        agent = openai_agent(upstream.base_url)
    else:
        agent = ScriptedAgent(name="scripted", title="Scripted", delay=0)
    yield agent
    await agent.aclose()


@pytest.fixture
def command(agent: Agent) -> Command:
    """The message by which a test commands the agent: reasoning, tool calls, text; cut off or stalled if it says so."""

    def scripted(*, cut: bool = False, stall: bool = False) -> str:
        faults = {"end_early_after": 3} if cut else {"hang_after": 3} if stall else {}
        return "/script " + json.dumps({"words": 9, "delay": 0, "reasoning": "so so", "tool": "look_up", **faults})

    def upstream(*, cut: bool = False, stall: bool = False) -> str:
        fault = "cut" if cut else "stall" if stall else ""
        return directive(reasoning=2, tokens=9, tool_calls=2, fault=fault, after=3)

    return scripted if isinstance(agent, ScriptedAgent) else upstream


def part(event: AnyEvent) -> str:
    return event.tool_call_id if hasattr(event, "tool_call_id") else event.message_id  # type: ignore[union-attr]


STARTS = (TextMessageStart, ReasoningMessageStart, ToolCallStart)
DELTAS = (TextMessageContent, ReasoningMessageContent, ToolCallArgs)
ENDS = (TextMessageEnd, ReasoningMessageEnd, ToolCallEnd)


async def test_every_part_starts_once_then_has_deltas_then_ends_once(agent: Agent, command: Command) -> None:
    open_parts: set[str] = set()
    seen: set[str] = set()
    for event in (await ask(agent, command())).events:
        if isinstance(event, STARTS):
            assert part(event) not in seen
            seen.add(part(event))
            open_parts.add(part(event))
        elif isinstance(event, DELTAS):
            assert part(event) in open_parts
            assert event.delta
        elif isinstance(event, ENDS):
            open_parts.remove(part(event))
    assert not open_parts
    assert len(seen) >= 3


async def test_run_finished_is_the_last_event_and_the_only_one(agent: Agent, command: Command) -> None:
    events = (await ask(agent, command(), run="run-9")).events
    assert [event for event in events if isinstance(event, RunFinished)] == events[-1:]
    assert (events[-1].thread_id, events[-1].run_id) == ("chat-1", "run-9")  # type: ignore[union-attr]


async def test_agent_leaves_start_and_error_of_the_run_to_the_caller(agent: Agent, command: Command) -> None:
    for cut in (False, True):
        assert not any(isinstance(e, RunStarted | RunError) for e in (await ask(agent, command(cut=cut))).events)


async def test_reply_that_is_cut_off_has_no_run_finished(agent: Agent, command: Command) -> None:
    reply = await ask(agent, command(cut=True))
    assert reply.text
    assert reply.finished is None
    assert reply.code in (None, "interrupted")


async def test_two_runs_share_no_id(agent: Agent, command: Command) -> None:
    first, second = [await ask(agent, command(), run=run) for run in ("run-1", "run-2")]
    texts = [{part(e) for e in reply.events if isinstance(e, TextMessageStart)} for reply in (first, second)]
    assert texts[0].isdisjoint(texts[1])


async def test_runs_side_by_side_do_not_mix(agent: Agent, command: Command) -> None:
    alone = await ask(agent, command())
    together = await asyncio.gather(*(ask(agent, command(), run=f"run-{number}") for number in range(10)))
    assert {reply.text for reply in together} == {alone.text}


@pytest.mark.parametrize("steps", range(8))
async def test_generator_closes_at_any_step(agent: Agent, command: Command, steps: int) -> None:
    events = agent.run(turn(command()))
    for _ in range(steps):
        await anext(events)
    await events.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_task_that_waits_for_the_next_event_can_be_cancelled(agent: Agent, command: Command) -> None:
    text = ""
    arrived = asyncio.Event()

    async def follow() -> None:
        nonlocal text
        async for event in agent.run(turn(command(stall=True))):
            if isinstance(event, TextMessageContent):
                text += event.delta
                arrived.set()

    following = asyncio.create_task(follow())
    await arrived.wait()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert text


async def test_every_event_is_one_of_ag_ui(agent: Agent, command: Command) -> None:
    for event in (await ask(agent, command())).events:
        assert_is_ag_ui(event)


USAGE = TokenUsage(
    model="m", input_tokens=5, output_tokens=4, total_tokens=9, reasoning_tokens=2, cached_input_tokens=3
)


@pytest.mark.parametrize(
    "event",
    [
        RunStarted(thread_id="c", run_id="r"),
        TextMessageStart(message_id="m"),
        TextMessageContent(message_id="m", delta="é\n🙂"),
        TextMessageEnd(message_id="m"),
        ReasoningMessageStart(message_id="m"),
        ReasoningMessageContent(message_id="m", delta="x"),
        ReasoningMessageEnd(message_id="m"),
        ToolCallStart(tool_call_id="t", tool_call_name="look"),
        ToolCallArgs(tool_call_id="t", delta="{"),
        ToolCallEnd(tool_call_id="t"),
        ToolCallResult(message_id="m", tool_call_id="t", content="3", metadata={"truncated": True}),
        RunFinished(thread_id="c", run_id="r"),
        RunFinished(thread_id="c", run_id="r", outcome=CANCELLED, usage=[USAGE]),
        RunError(message="No.", code="agent_busy", usage=[USAGE, TokenUsage(model="n", input_tokens=1)]),
    ],
    ids=lambda event: type(event).__name__,
)
def test_event_of_the_protocol_is_one_of_ag_ui(event: AnyEvent) -> None:
    assert_is_ag_ui(event)


def assert_is_ag_ui(event: AnyEvent) -> None:
    """AG-UI's models ignore what they do not know, so what they made of it has to be the same JSON again."""
    ours: dict[str, Any] = json.loads(msgspec.json.encode(event))
    theirs = TypeAdapter(AgUiEvent).validate_python(ours)
    assert json.loads(theirs.model_dump_json(by_alias=True, exclude_none=True)) == ours
