"""The agent without a model, and the scripts by which tests command it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chat.agents.scripted import MARKDOWN, ScriptedAgent, numbered_words
from chat.protocol.events import TextMessageContent, TextMessageStart, ToolCallResult
from tests.unit.agents.asking import Reply, ask, turn

AGENT = ScriptedAgent(name="scripted", title="Scripted", delay=0)


def script(**fields: Any) -> str:
    return f"/script {json.dumps(fields)}"


async def test_answer_says_that_there_is_no_model_and_how_to_get_one() -> None:
    reply = await ask(AGENT, "What is\nthe capital of France?")
    assert "You asked: “What is the capital of France?”" in reply.text
    assert "none is configured" in reply.text
    assert "OPENAI_API_KEY" in reply.text
    assert "OPENAI_BASE_URL" in reply.text
    assert reply.finished is not None


async def test_same_question_gets_the_same_answer() -> None:
    assert (await ask(AGENT, "Hi")).text == (await ask(AGENT, "Hi")).text != (await ask(AGENT, "Ho")).text


async def test_long_question_is_quoted_in_part() -> None:
    assert len((await ask(AGENT, "word " * 10_000)).text) < 1000


async def test_words_are_numbered_and_come_one_by_one() -> None:
    reply = await ask(AGENT, script(words=100, delay=0))
    assert reply.text == numbered_words(100)
    assert sum(isinstance(event, TextMessageContent) for event in reply.events) == 100


async def test_text_comes_back_exactly() -> None:
    text = "  <b>x</b>\n\n\tend " + 200 * "long" + " 日本語 \n"
    assert (await ask(AGENT, script(text=text, delay=0))).text == text


async def test_markdown_has_one_of_each_thing() -> None:
    assert (await ask(AGENT, script(markdown=True, delay=0))).text == MARKDOWN


async def test_reasoning_and_a_tool_come_before_the_text() -> None:
    reply = await ask(AGENT, script(words=2, reasoning="let me see", tool="look_up", delay=0))
    assert reply.reasoning == "let me see"
    assert json.loads(reply.arguments) == {"query": "anything"}
    assert any(isinstance(event, ToolCallResult) for event in reply.events)
    assert reply.text == numbered_words(2)


async def test_failure_comes_after_as_many_words_as_asked() -> None:
    fail = {"code": "agent_busy", "message": "Too much to do.", "after": 3, "retry_after": 2}
    reply = await ask(AGENT, script(words=9, delay=0, fail=fail))
    assert reply.text.split() == numbered_words(3).split()
    assert reply.error is not None
    assert (reply.error.code, reply.error.message, reply.error.retry_after) == ("agent_busy", "Too much to do.", 2)


async def test_early_end_has_no_run_finished() -> None:
    reply = await ask(AGENT, script(words=9, delay=0, end_early_after=3))
    assert reply.text.split() == numbered_words(3).split()
    assert (reply.finished, reply.error) == (None, None)


@pytest.mark.parametrize("after", [0, 3, 9])
async def test_hanging_reply_says_its_words_then_nothing_until_it_is_closed(after: int) -> None:
    events = AGENT.run(turn(script(words=9, delay=0, hang_after=after)))
    assert isinstance(await anext(events), TextMessageStart)
    said = [await anext(events) for _ in range(after)]
    assert len(said) == after
    waiting = asyncio.ensure_future(anext(events))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await events.aclose()


@pytest.mark.parametrize(
    "bad", ["/script", "/script {", "/script []", "/script {}{}", script(wrds=3), script(words=-1)]
)
async def test_script_that_is_none_is_answered_with_what_is_wrong(bad: str) -> None:
    reply = await ask(AGENT, bad)
    assert "This is no script" in reply.text
    assert reply.finished is not None


async def test_delay_of_a_script_replaces_the_agent_s() -> None:
    slow = ScriptedAgent(name="slow", title="Slow", delay=1000)
    reply: Reply = await ask(slow, script(words=3, delay=0))
    assert reply.finished is not None
