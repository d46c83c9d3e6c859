"""Whatever an agent does, its run ends once, with all that it said, in the rows and in the log alike."""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import logging
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from chat.agents.base import AgentError, Turn
from chat.database import in_database
from chat.models import Chat, Worker
from chat.protocol.codes import ChatBusy, UnknownAgent
from chat.protocol.events import (
    CANCELLED,
    AnyEvent,
    RunError,
    RunFinished,
    RunStarted,
    TextMessageContent,
    TokenUsage,
    ToolCallStart,
)
from chat.runs import supervisor as module
from chat.runs.ending import BROKEN_OFF
from config.logs import JsonLines
from tests.agents import Speaker, Speech, Waiting, finished, saying, text
from tests.chats import new_chat, new_user
from tests.worker import idle, outcome, post, worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


async def test_a_reply_is_kept_whole_and_its_log_ends_with_the_end(user: UUID, chat: UUID) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        yield RunStarted(thread_id="its own", run_id="too")
        for event in text(turn, "Hello, ", "world"):
            yield event
        yield RunFinished(thread_id="", run_id="", usage=[TokenUsage(model="m", output_tokens=2)])

    async with worker(Speaker(speech)) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.message, found.error) == ("completed", "complete", ("", ""))
    assert found.parts == [{"type": "text", "id": f"{posted.run}.1", "text": "Hello, world"}]
    assert found.usage == [{"model": "m", "outputTokens": 2}]
    assert found.events[0] == RunStarted(thread_id=str(chat), run_id=str(posted.run))
    assert found.events[-1] == RunFinished(
        thread_id=str(chat), run_id=str(posted.run), usage=[TokenUsage(model="m", output_tokens=2)]
    )
    assert found.last_seq == len(found.events)
    assert len(found.terminal) == 1


async def test_what_a_reply_that_failed_has_used_is_kept(user: UUID, chat: UUID) -> None:
    usage = [TokenUsage(model="m", output_tokens=7)]

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, "Half of"):
            yield event
        problem = AgentError("interrupted", "It is long enough.")
        problem.usage = usage
        raise problem

    async with worker(Speaker(speech)) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.message, found.usage) == ("interrupted", [{"model": "m", "outputTokens": 7}])
    assert found.terminal == [RunError(message="It is long enough.", code="interrupted", usage=usage)]


async def test_while_a_reply_is_written_its_message_holds_nothing_of_it(user: UUID, chat: UUID) -> None:
    waiting = Waiting("So far")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chat)
        await waiting.reached.wait()
        while len((found := await outcome(posted.run)).events) < 3:  # noqa: ASYNC110  # the table tells nobody
            await asyncio.sleep(0.01)
        assert (found.run, found.message, found.parts) == ("running", "streaming", [])
        waiting.go.set()
        await idle(runtime)
    assert (await outcome(posted.run)).parts == [{"type": "text", "id": f"{posted.run}.1", "text": "So far"}]


async def test_an_agent_is_asked_with_the_chat_so_far(user: UUID, chat: UUID) -> None:
    agent = Speaker(saying("Fine."))
    async with worker(agent) as runtime:
        for question in ("How are you?", "Still?"):
            await post(runtime, user, chat, question)
            await idle(runtime)
    asked = [(message.role, message.text) for message in agent.turns[1].messages]
    assert asked == [("user", "How are you?"), ("assistant", "Fine."), ("user", "Still?")]
    assert agent.turns[1].thread_id == str(chat)
    assert agent.closed


@pytest.mark.parametrize(
    ("problem", "status", "error"),
    [
        (AgentError("agent_busy", "Too much.", retry_after=3), "failed", ("agent_busy", "Too much.")),
        (AgentError("agent_unreachable", "Nobody."), "failed", ("agent_unreachable", "Nobody.")),
        (AgentError("interrupted", "It broke off."), "interrupted", ("interrupted", "It broke off.")),
        (RuntimeError("a bug"), "failed", ("agent_failed", "The agent failed. Try again; if it stays so, tell us.")),
        (asyncio.CancelledError(), "interrupted", ("interrupted", BROKEN_OFF)),
        (AgentError("c" * 99, "\x00a\ud800" + "z" * 9999), "failed", ("c" * 64, "a\ufffd" + "z" * 1998)),
        (AgentError("interrupted", "b\x00\udfff"), "interrupted", ("interrupted", "b\ufffd")),
    ],
    ids=["busy", "unreachable", "interrupted", "bug", "cancelled", "unstorable", "unstorable interruption"],
)
async def test_what_goes_wrong_is_said_and_what_was_said_before_is_kept(
    user: UUID, chat: UUID, problem: BaseException, status: str, error: tuple[str, str]
) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, "Half of"):
            yield event
        raise problem

    async with worker(Speaker(speech)) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
        # The chat is free again.
        assert (await post(runtime, user, chat)).started is not None
    assert (found.run, found.message, found.error, found.text) == (status, status, error, "Half of")
    assert found.terminal == [RunError(message=error[1], code=error[0])]
    assert found.last_seq == len(found.events)


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        ([], "interrupted", "interrupted"),
        ([RunError(message="Sorry.", code="own_code")], "failed", "own_code"),
        ([RunError(message="Sorry.")], "failed", "agent_failed"),
        ([RunError(message="Cut off.", code="interrupted")], "interrupted", "interrupted"),
        ([RunFinished(thread_id="", run_id="", outcome=CANCELLED)], "stopped", ""),
        ([TextMessageContent(message_id="m", delta=""), RunFinished(thread_id="", run_id="")], "completed", ""),
    ],
    ids=["no end", "an error", "an error without code", "an interruption", "cancelled", "nothing more"],
)
async def test_the_last_event_decides_how_a_run_ended(
    user: UUID, chat: UUID, last: list[AnyEvent], status: str, code: str
) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in [*text(turn, "Text"), *last]:
            yield event

    async with worker(Speaker(speech)) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.error[0], found.text, len(found.terminal)) == (status, code, "Text", 1)


async def test_ids_that_a_model_made_up_are_kept_in_a_form_that_can_be(user: UUID, chat: UUID) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        yield ToolCallStart(tool_call_id="\x00id\ud800" + "x" * 999, tool_call_name="n\x00")
        yield finished(turn)

    async with worker(Speaker(speech)) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    (part,) = found.parts
    assert (part["name"], part["id"][:3], len(part["id"])) == ("n", "id\ufffd", 256)
    assert found.run == "completed"


async def test_a_chat_whose_agent_is_gone_says_so(user: UUID, chat: UUID) -> None:
    async with worker(Speaker(saying("Hi"), name="another")) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
        assert (found.run, found.error[0], found.parts) == ("failed", "unknown_agent", [])
        with pytest.raises(UnknownAgent):
            await post(runtime, user, chat, agent="nobody")
        chosen = await post(runtime, user, chat, agent="another")
        await idle(runtime)
        assert (await outcome(chosen.run)).text == "Hi"


async def test_a_reply_that_grows_without_end_is_ended(user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REPLY", 1000)

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        while True:
            yield TextMessageContent(message_id="m", delta="on and ")

    async with worker(Speaker(speech)) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.error[0]) == ("failed", "reply_too_long")
    assert 800 < len(found.text) < 1100


async def test_a_repeat_starts_nothing(user: UUID, chat: UUID) -> None:
    agent = Speaker(saying("Hi"))
    async with worker(agent) as runtime:
        first = await post(runtime, user, chat, client_id="k")
        again = await post(runtime, user, chat, client_id="k")
        await idle(runtime)
        late = await post(runtime, user, chat, client_id="k")
    assert first.run == again.run == late.run
    assert (again.started, late.started, len(agent.turns)) == (None, None, 1)


async def test_a_busy_chat_takes_no_message_and_another_chat_does(user: UUID, chat: UUID) -> None:
    waiting = Waiting()
    other = await in_database(new_chat, user)
    async with worker(Speaker(waiting)) as runtime:
        await post(runtime, user, chat)
        with pytest.raises(ChatBusy):
            await post(runtime, user, chat)
        await post(runtime, user, other)
        assert len(runtime.supervisor.live) == 2
        waiting.go.set()
        await idle(runtime)
        assert runtime.supervisor.live == frozenset()


async def test_a_run_knows_nothing_of_the_request_that_began_it(user: UUID, chat: UUID) -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
    seen = []

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        seen.append(request.get())
        yield finished(turn)

    async with worker(Speaker(speech)) as runtime:
        request.set("this one")
        await post(runtime, user, chat)
        await idle(runtime)
    assert seen == ["none"]


def titling(title: str) -> Speech:
    """Answers, and says `title` when asked for one."""

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, title if turn.thread_id == "title" else "It scatters."):
            yield event
        yield finished(turn)

    return speech


async def title_of(chat: UUID) -> tuple[str, str]:
    return await in_database(lambda: Chat.objects.values_list("title", "titled_by").get(id=chat))


def asked_for_titles(agent: Speaker) -> list[bool]:
    """Of all that `agent` was asked, what was a title."""
    return [turn.thread_id == "title" for turn in agent.turns]


async def test_a_model_names_a_chat_once_after_its_first_reply(user: UUID, chat: UUID) -> None:
    agent = Speaker(titling("Blue Sky"), writes_titles=True)
    async with worker(agent) as runtime:
        for question in ("Why is the sky blue?", "And the sea?"):
            await post(runtime, user, chat, question)
            await idle(runtime)
            assert await title_of(chat) == ("Blue Sky", "model")
    assert asked_for_titles(agent) == [False, True, False]


async def test_a_model_that_finds_no_name_in_two_replies_is_not_asked_again(user: UUID, chat: UUID) -> None:
    agent = Speaker(titling("Facts About Whales"), writes_titles=True)
    async with worker(agent) as runtime:
        for _ in range(4):
            await post(runtime, user, chat, "Why is the sky blue?")
            await idle(runtime)
    assert asked_for_titles(agent) == [False, True, False, True, False, False]
    assert await title_of(chat) == ("Why is the sky blue?", "words")


async def test_a_chat_is_named_by_the_first_message_that_says_something(user: UUID, chat: UUID) -> None:
    agent = Speaker(titling("Blue Sky"), writes_titles=True)
    async with worker(agent) as runtime:
        for question in ("Hi", "Why is the sky blue?"):
            await post(runtime, user, chat, question)
            await idle(runtime)
    assert asked_for_titles(agent) == [False, False, True]
    assert await title_of(chat) == ("Blue Sky", "model")


async def test_a_chat_is_named_however_long_its_first_reply_is(user: UUID, chat: UUID) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, "Blue Sky" if turn.thread_id == "title" else "It scatters. " * 1000):
            yield event
        yield finished(turn)

    async with worker(Speaker(speech, writes_titles=True)) as runtime:
        await post(runtime, user, chat, "Why is the sky blue?")
        await idle(runtime)
    assert await title_of(chat) == ("Blue Sky", "model")


async def test_a_chat_is_named_though_its_first_reply_broke_off(user: UUID, chat: UUID) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, "Blue Sky" if turn.thread_id == "title" else "It scatters, and"):
            yield event
        if turn.thread_id == "title":
            yield finished(turn)
        else:
            raise AgentError("interrupted", "It is long enough.")

    async with worker(Speaker(speech, writes_titles=True)) as runtime:
        posted = await post(runtime, user, chat, "Why is the sky blue?")
        await idle(runtime)
    assert (await outcome(posted.run)).message == "interrupted"
    assert await title_of(chat) == ("Blue Sky", "model")


async def test_a_persons_title_is_not_even_asked_to_be_another(user: UUID) -> None:
    named = await in_database(new_chat, user, title="My sky")
    agent = Speaker(titling("Blue Sky"), writes_titles=True)
    async with worker(agent) as runtime:
        await post(runtime, user, named, "Why is the sky blue?")
        await idle(runtime)
    assert await title_of(named) == ("My sky", "person")
    assert len(agent.turns) == 1


async def test_a_reply_that_failed_or_an_agent_that_cannot_leaves_the_first_words(user: UUID, chat: UUID) -> None:
    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, "Half"):
            yield event
        raise AgentError("agent_failed", "No.")

    for agent in (Speaker(speech, writes_titles=True), Speaker(titling("Blue Sky"))):
        async with worker(agent) as runtime:
            await post(runtime, user, chat, "Why is the sky blue?")
            await idle(runtime)
        assert len(agent.turns) == 1
    assert await title_of(chat) == ("Why is the sky blue?", "words")


async def test_what_is_logged_of_a_reply_and_of_its_title_says_of_which(user: UUID, chat: UUID) -> None:
    """Also what an agent logs that knows of no ids, and has a task of its own for it."""
    library = logging.getLogger("tests.library")
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(JsonLines())
    handler.setLevel(logging.WARNING)
    loggers = (library, logging.getLogger("chat"))

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        library.warning("asked")
        if turn.thread_id == "title":
            raise RuntimeError("no title")
        await asyncio.create_task(_warn(library))
        for event in text(turn, "Hello"):
            yield event
        yield finished(turn)

    for logger in loggers:
        logger.addHandler(handler)
    try:
        async with worker(Speaker(speech, writes_titles=True)) as runtime:
            posted = await post(runtime, user, chat, "Why is the sky blue?")
            await idle(runtime)
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    of_run, of_title = [line for line in lines if "run" in line], [line for line in lines if "run" not in line]
    assert [line["message"] for line in of_run] == ["asked", "in a task"]
    assert [line["message"] for line in of_title] == ["asked", f"chat {chat} could not be named"]
    assert all(line["run"] == str(posted.run) for line in of_run)
    assert all(line["chat"] == str(chat) for line in lines)


async def _warn(logger: logging.Logger) -> None:
    logger.warning("in a task")


async def test_an_agent_that_cannot_be_closed_leaves_nothing_else_open(
    user: UUID, chat: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(Speaker):
        async def aclose(self) -> None:
            raise OSError("it does not close")

    other = Speaker(saying("Hi"), name="other")
    async with worker(Stuck(saying("Hi")), other) as runtime:
        await post(runtime, user, chat)
    assert other.closed
    assert not await in_database(Worker.objects.filter(id=runtime.worker_id).exists)
    assert "it does not close" in caplog.text
