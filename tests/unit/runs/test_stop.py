"""Stopping a run: what it said stays, its agent is closed, and it ends once however stop, end and shutdown race."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from chat.agents.base import Turn
from chat.database import in_database
from chat.protocol.codes import Draining
from chat.protocol.events import CANCELLED, AnyEvent, RunError, RunFinished, TextMessageContent
from chat.runs.supervisor import RESTARTED
from chat.services.runs import request_stop
from tests import TIMEOUT
from tests.agents import Speaker, Waiting, finished, saying, text
from tests.chats import new_chat, new_user, say
from tests.until import until
from tests.worker import idle, outcome, post, worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


async def stop(user: UUID, run: UUID) -> None:
    await in_database(request_stop, user_id=user, run_id=run)


async def reached(waiting: Waiting) -> None:
    async with asyncio.timeout(TIMEOUT):
        await waiting.reached.wait()


async def test_stop_before_the_first_token_leaves_an_empty_stopped_reply(user: UUID, chat: UUID) -> None:
    waiting = Waiting()
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chat)
        await reached(waiting)
        await stop(user, posted.run)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.message, found.error, found.parts) == ("stopped", "stopped", ("", ""), [])
    assert found.terminal == [RunFinished(thread_id=str(chat), run_id=str(posted.run), outcome=CANCELLED)]


async def test_stop_in_the_middle_keeps_the_text_and_closes_the_agent(user: UUID, chat: UUID) -> None:
    waiting = Waiting("Half ", "of it")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chat)
        await reached(waiting)
        await stop(user, posted.run)
        await idle(runtime)
        assert waiting.left.is_set()
        found = await outcome(posted.run)
        # The chat is free again.
        assert (await post(runtime, user, chat)).started is not None
    assert (found.run, found.message, found.text) == ("stopped", "stopped", "Half of it")
    assert (len(found.terminal), found.last_seq) == (1, len(found.events))


async def test_a_wish_that_came_before_anyone_worked_on_the_run_is_in_its_row(user: UUID, chat: UUID) -> None:
    agent = Speaker(saying("Never said"))
    async with worker(agent) as runtime:
        posted = await in_database(say, user, chat, worker=runtime.worker_id)
        await stop(user, posted.run)
        assert posted.started is not None
        runtime.supervisor.take(posted.started)
        runtime.supervisor.take(posted.started)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.parts, agent.turns) == ("stopped", [], [])


async def test_a_stop_in_the_first_moment_of_a_run_is_not_lost(user: UUID, chat: UUID) -> None:
    waiting = Waiting()
    async with worker(Speaker(waiting)) as runtime:
        posted = await in_database(say, user, chat, worker=runtime.worker_id)
        assert posted.started is not None
        runtime.supervisor.take(posted.started)
        runtime.supervisor.stop(posted.run)
        await idle(runtime)
        assert (await outcome(posted.run)).run == "stopped"


async def test_stopping_again_or_too_late_changes_nothing(user: UUID, chat: UUID) -> None:
    async with worker(Speaker(saying("Done"))) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        before = await outcome(posted.run)
        await stop(user, posted.run)
        runtime.supervisor.stop(posted.run)
        await idle(runtime)
        assert await outcome(posted.run) == before
    assert before.run == "completed"


async def test_stopping_one_run_leaves_the_others(user: UUID, chat: UUID) -> None:
    waiting = Waiting("Some")
    other = await in_database(new_chat, user)
    async with worker(Speaker(waiting)) as runtime:
        stopped = await post(runtime, user, chat)
        goes_on = await post(runtime, user, other)
        await reached(waiting)
        await stop(user, stopped.run)
        waiting.go.set()
        await idle(runtime)
        assert [(await outcome(posted.run)).run for posted in (stopped, goes_on)] == ["stopped", "completed"]


async def test_however_stop_end_and_shutdown_race_there_is_one_terminal_event(user: UUID, settings: Settings) -> None:
    settings.USER_RUNS = 60
    chance = random.Random(20260119)  # noqa: S311  # the same races each time
    chats = await in_database(lambda: [new_chat(user) for _ in range(60)])

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, *("word " for _ in range(chance.randrange(4)))):
            yield event
            await asyncio.sleep(chance.choice((0, 0, 0.001)))
        yield finished(turn)

    async def race(number: int) -> UUID:
        posted = await post(runtime, user, chats[number])
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        if number % 2:
            await stop(user, posted.run)
        else:
            runtime.supervisor.stop(posted.run)
        return posted.run

    async with worker(Speaker(speech)) as runtime:
        runs = await asyncio.gather(*(race(number) for number in range(40)))
        late = [await post(runtime, user, chat) for chat in chats[40:]]
        await runtime.supervisor.shutdown(0.001)
        found = [await outcome(run) for run in [*runs, *(posted.run for posted in late)]]
    for each in found:
        (terminal,) = each.terminal
        assert each.events[-1] == terminal
        assert each.last_seq == len(each.events)
        said = [event.delta for event in each.events if hasattr(event, "delta")]
        assert "".join(said) == each.text
        if isinstance(terminal, RunError):
            assert (terminal.code, each.run) == ("interrupted", "interrupted")
        else:
            assert isinstance(terminal, RunFinished)
            assert {"cancelled": "stopped", "success": "completed"}[terminal.outcome.type] == each.run
    # On a busy machine the shutdown finds some of the first ones still at work.
    assert "stopped" in {each.run for each in found[:40]}


async def test_a_refusal_whose_caller_has_gone_away_is_no_error(user: UUID, caplog: pytest.LogCaptureFixture) -> None:
    async with worker(Speaker(saying("Nobody asks"))) as runtime:
        caller = asyncio.create_task(post(runtime, user, uuid4()))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        assert caller.cancelled()
        # Not `idle`, which would take the refusal.
        await until(lambda: not runtime.supervisor._tasks)
        gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_run_outlives_the_cancelled_caller_that_began_it(user: UUID, chat: UUID) -> None:
    agent = Speaker(saying("Finished all the same"))
    async with worker(agent) as runtime:
        caller = asyncio.create_task(post(runtime, user, chat))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await idle(runtime)
        (turn,) = agent.turns
        found = await outcome(UUID(turn.run_id))
    assert (found.run, found.text) == ("completed", "Finished all the same")


async def test_a_draining_worker_takes_no_message_and_lets_runs_end(user: UUID, chat: UUID) -> None:
    waiting = Waiting("First ", after="last")
    other = await in_database(new_chat, user)
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chat)
        await reached(waiting)
        ending = asyncio.create_task(runtime.supervisor.shutdown(TIMEOUT))
        await asyncio.sleep(0)
        with pytest.raises(Draining) as refusal:
            await post(runtime, user, other)
        waiting.go.set()
        await ending
        found = await outcome(posted.run)
    assert refusal.value.retry_after
    assert (found.run, found.text) == ("completed", "First last")


async def test_what_does_not_end_in_time_is_kept_as_interrupted(user: UUID, chat: UUID) -> None:
    waiting = Waiting("Half of it")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chat)
        await reached(waiting)
        await runtime.supervisor.shutdown(0)
        found = await outcome(posted.run)
    assert waiting.left.is_set()
    assert (found.run, found.error, found.text) == ("interrupted", ("interrupted", RESTARTED), "Half of it")
    assert found.terminal == [RunError(message=RESTARTED, code="interrupted")]


async def test_a_message_that_is_being_posted_when_the_shutdown_begins_is_not_forgotten(user: UUID, chat: UUID) -> None:
    waiting = Waiting()
    async with worker(Speaker(waiting)) as runtime:
        posting = asyncio.create_task(post(runtime, user, chat))
        await asyncio.sleep(0)
        await runtime.supervisor.shutdown(0)
        posted = await posting
        assert (await outcome(posted.run)).run == "interrupted"


async def test_an_agent_that_swallows_its_cancellation_is_stopped_at_its_next_word(user: UUID, chat: UUID) -> None:
    reached = asyncio.Event()

    async def stubborn(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, "Still"):
            yield event
        while True:
            reached.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            yield TextMessageContent(message_id=turn.part_id(1), delta=" more")

    async with worker(Speaker(stubborn)) as runtime:
        posted = await post(runtime, user, chat)
        await reached.wait()
        await stop(user, posted.run)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, len(found.terminal)) == ("stopped", 1)
    assert found.text.startswith("Still")
