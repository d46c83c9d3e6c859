"""Runs whose log or database is away for a while, or for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from chat import selectors
from chat.agents.base import Turn
from chat.database import in_database
from chat.protocol.codes import Unavailable
from chat.protocol.events import AnyEvent, TextMessageContent
from chat.runs import flusher as flusher_module
from chat.runs import supervisor as module
from chat.services.messages import Asking, Posted
from chat.services.runs import Ended, finish_run, seal_run
from chat.services.workers import register_worker
from tests import TIMEOUT
from tests.agents import Speaker, Waiting, finished, saying
from tests.chats import new_chat, new_user
from tests.logs import MemoryLog
from tests.until import until
from tests.worker import idle, outcome, post, worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flusher_module, "RETRY", (0.001,))
    monkeypatch.setattr(module, "END_RETRY", (0.001,))


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


async def test_a_log_that_fails_for_a_while_loses_nothing(user: UUID, chat: UUID) -> None:
    log = MemoryLog()
    for _ in range(5):
        log.fail()
        log.lose()
    async with worker(Speaker(saying(*(f"{number} " for number in range(20)))), log=log) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.text) == ("completed", "".join(f"{number} " for number in range(20)))
    assert len(log.events[posted.run]) == found.last_seq


async def test_a_run_whose_log_never_comes_back_ends_in_memory_and_shows_nothing_of_it(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_PATIENCE", 0.05)
    log = MemoryLog()
    log.down = True
    async with worker(Speaker(saying("All ", "of it")), log=log) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
        feed = runtime.hub.feeds.follow(posted.run, chat)
        assert (feed.seq, feed.closed, log.events) == (0, True, {})
        # Should it come back after all, it gets everything.
        log.down = False
        await until(lambda: feed.seq == found.last_seq)
        assert len(log.events[posted.run]) == found.last_seq
    assert (found.run, found.text) == ("completed", "All of it")


async def test_a_long_reply_waits_once_for_a_log_that_is_away(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_PATIENCE", 0.05)
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    waits = []
    flushed = module.Supervisor._flushed

    async def counted(supervisor: Any, tail: Any) -> bool:
        waits.append(tail)
        return await flushed(supervisor, tail)

    monkeypatch.setattr(module.Supervisor, "_flushed", counted)
    log = MemoryLog()
    log.down = True
    async with worker(Speaker(saying(*100 * ["token "])), log=log) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.text) == ("completed", 100 * "token ")
    # Once because there was much, once at the end.
    assert len(waits) == 2


async def test_an_agent_that_is_faster_than_the_log_is_made_to_wait(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1000)
    log = MemoryLog()
    log.hold()
    yielded = 0

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        nonlocal yielded
        for _ in range(1000):
            yielded += 1
            yield TextMessageContent(message_id="m", delta="0123456789")
        yield finished(turn)

    async with worker(Speaker(speech), log=log) as runtime:
        posted = await post(runtime, user, chat)
        async with asyncio.timeout(TIMEOUT):
            await log.writing.wait()
        await until(lambda: yielded > 0)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert yielded <= 101
        log.release()
        await idle(runtime)
        assert (await outcome(posted.run)).text == 1000 * "0123456789"


async def test_memory_has_an_end_while_the_log_is_away(user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_PATIENCE", 0.01)
    monkeypatch.setattr(module, "MAX_REPLY", 1000)
    log = MemoryLog()
    log.down = True

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        while True:
            yield TextMessageContent(message_id="m", delta="on and ")

    async with worker(Speaker(speech), log=log) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.error[0], found.run) == ("reply_too_long", "failed")
    assert 800 < len(found.text) < 1100


async def test_a_run_that_another_took_shows_and_writes_nothing_more(user: UUID, chat: UUID) -> None:
    waiting = Waiting("Mine. ", after="Too late.")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chat)
        assert posted.started is not None
        async with asyncio.timeout(TIMEOUT):
            await waiting.reached.wait()
        feed = runtime.hub.feeds.follow(posted.run, chat)
        await until(lambda: feed.seq == 3)
        other = await in_database(register_worker, name="other")
        token = await in_database(seal_run, run_id=posted.run, token=posted.started.token, worker_id=other)
        assert token is not None
        await runtime._log.seal(posted.run, token)
        waiting.go.set()
        await idle(runtime)
        found = await outcome(posted.run)
        assert (found.run, found.parts, found.terminal, feed.seq) == ("running", [], [], 3)
        # Whoever looks here now follows the log.
        assert runtime.hub.feeds.of(posted.run) is not feed
        ends = {"status": "interrupted", "parts": [], "last_seq": 4}
        assert await in_database(finish_run, run_id=posted.run, chat_id=chat, token=token, **ends)  # type: ignore[arg-type]


def losing(calls: list[str], *, before: bool) -> Callable[..., Ended | None]:
    """`finish_run` whose first two calls fail, before or after they did their work."""

    def finish(**fields: Any) -> Ended | None:
        calls.append(fields["status"])
        if before and len(calls) <= 2:
            raise OperationalError("gone")
        ended = finish_run(**fields)
        if len(calls) <= 2:
            raise OperationalError("gone")
        return ended

    return finish


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after it"])
async def test_a_database_that_fails_at_the_end_is_asked_again_and_the_run_ends_once(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(module, "finish_run", losing(calls, before=before))
    async with worker(Speaker(saying("Kept"))) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert calls == 3 * ["completed"]
    assert (found.run, found.text, len(found.terminal)) == ("completed", "Kept", 1)
    assert found.last_seq == len(found.events)


async def test_an_answer_that_is_lost_while_its_row_cannot_be_read_either_is_found_out_later(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    read = selectors.runs_of

    def away(runs: list[UUID]) -> dict[UUID, Any]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OperationalError
        return read(runs)

    monkeypatch.setattr(module, "finish_run", losing([], before=False))
    monkeypatch.setattr(selectors, "runs_of", away)
    async with worker(Speaker(saying("Hello"))) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert looks > 1
    assert (found.run, found.message) == ("completed", "complete")
    assert len(found.terminal) == 1


async def test_a_database_that_fails_at_the_start_is_the_callers_to_know(user: UUID, chat: UUID) -> None:
    def fail(_: Asking) -> Posted:
        raise OperationalError("gone")

    async with worker(Speaker(saying("Never"))) as runtime:
        with pytest.raises(Unavailable):
            await runtime.supervisor.ask(fail, user_id=user, chat_id=chat, client_id="k", agent=None)
        assert runtime.supervisor.live == frozenset()


async def test_a_database_that_stays_away_before_the_agent_is_asked_ends_the_run_as_failed(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(selectors, "question", fail)
    monkeypatch.setattr(module, "LOG_PATIENCE", 0.0)
    async with worker(Speaker(saying("Never"))) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.error[0], found.parts) == ("failed", "unavailable", [])


async def test_a_database_that_is_back_after_a_moment_costs_no_answer(
    user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    question, failures = selectors.question, iter([OperationalError("gone"), OperationalError("not yet")])

    def fail_twice(*args: Any, **options: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return question(*args, **options)

    monkeypatch.setattr(selectors, "question", fail_twice)
    async with worker(Speaker(saying("Here"))) as runtime:
        posted = await post(runtime, user, chat)
        await idle(runtime)
        found = await outcome(posted.run)
    assert (found.run, found.text) == ("completed", "Here")
    assert next(failures, None) is None
