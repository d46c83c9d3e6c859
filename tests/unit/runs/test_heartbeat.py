"""A worker's heartbeat: whom it takes for dead, and what becomes of runs that changed hands halfway."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError

from chat.database import close_pool_connections, in_database
from chat.feeds import Feeds
from chat.models import Message, Run, Worker
from chat.precedence import Precedence
from chat.protocol.events import TextMessageContent, TextMessageStart
from chat.protocol.transcript import entry
from chat.runs import heartbeat, recovery
from chat.runs.flusher import Flusher
from chat.runs.heartbeat import BEAT, LEASE, YOUNG, Heartbeat
from chat.runs.log import Append, Appended
from chat.runs.supervisor import Supervisor
from chat.services.messages import Posted, Started
from chat.services.runs import Ended, finish_run, seal_run
from chat.services.workers import register_worker
from tests.agents import Speaker, Waiting
from tests.chats import new_chat, new_user, say
from tests.logs import MemoryLog

pytestmark = pytest.mark.django_db(transaction=True)
SHOWN = [
    entry(TextMessageStart(message_id="m")).json(),
    entry(TextMessageContent(message_id="m", delta="Shown")).json(),
]


class Hearts:
    """A worker whose heart beats only when a test says so (and has for long), and another whose heart has stopped."""

    def __init__(self, mine: UUID, other: UUID) -> None:
        self.mine = mine
        self.other = other
        self.log = MemoryLog()
        self.speech = Waiting("Hm")
        self.feeds = Feeds(self.log, lambda _: None)
        self.flusher = Flusher(self.log, lambda _: None, Precedence())
        self.agent = Speaker(self.speech)
        self.supervisor = Supervisor(mine, {"assistant": self.agent}, self.flusher, self.feeds, Precedence())
        self.heart = Heartbeat(mine, self.log, self.supervisor)
        self.heart._held_since -= 2 * LEASE

    async def run_of(self, worker: UUID) -> Started:
        """A run of `worker` of which something was shown, and on which nobody works."""
        posted = await in_database(_post, worker)
        assert posted.started is not None
        assert await self.log.append([Append(posted.run, posted.started.token, 0, SHOWN)]) == [Appended.WRITTEN]
        return posted.started

    async def turn(self) -> None:
        """A beat, and a look."""
        await self.heart.beat()
        await self.heart.look()

    def was_silent(self, seconds: float) -> None:
        """This worker's own last beat was so long ago."""
        self.heart._beaten -= seconds


@pytest.fixture
async def hearts() -> AsyncIterator[Hearts]:
    mine, other = [await in_database(register_worker, name=name) for name in ("mine", "other")]
    hearts = Hearts(mine, other)
    hearts.flusher.start()
    yield hearts
    await hearts.supervisor.shutdown(0)
    await hearts.flusher.stop()
    close_pool_connections()


def _post(worker: UUID) -> Posted:
    user = new_user()
    return say(user, new_chat(user), worker=worker)


def silence(worker: UUID, seconds: float) -> None:
    row = Worker.objects.get(id=worker)
    Worker.objects.filter(id=worker).update(heartbeat_at=row.heartbeat_at - timedelta(seconds=seconds))


def status(run: UUID) -> str:
    return Run.objects.values_list("status", flat=True).get(id=run)


def text(run: UUID) -> str:
    return "".join(part["text"] for part in Message.objects.get(run=run).parts)


async def test_the_runs_of_a_silent_worker_end_with_what_was_shown_and_take_nothing_more_of_it(hearts: Hearts) -> None:
    run = await hearts.run_of(hearts.other)
    await in_database(silence, hearts.other, LEASE + 1)
    await hearts.turn()
    assert await in_database(status, run.run) == "interrupted"
    assert await in_database(text, run.run) == "Shown"
    late = Append(run.run, run.token, len(SHOWN), [b"{}"])
    assert await hearts.log.append([late]) == [Appended.REFUSED]


async def test_a_database_that_stood_still_between_a_beat_and_the_look_for_the_dead_makes_nobody_dead(
    hearts: Hearts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await hearts.run_of(hearts.other)
    with monkeypatch.context() as still:
        # This worker's beat was in time and the last thing that the database heard of anyone.
        still.setattr(heartbeat, "beat", lambda **_: None)
        await in_database(silence, hearts.mine, LEASE)
        await in_database(silence, hearts.other, LEASE + BEAT)
        await hearts.turn()
        assert await in_database(status, run.run) == "running"
    await hearts.turn()
    assert await in_database(status, run.run) == "interrupted"


async def test_a_worker_that_was_silent_itself_takes_nothing_from_one_that_beats_a_little_later(
    hearts: Hearts,
) -> None:
    # The database was away for almost a lease. The other's last beat came a little before this one's, and so by its row
    # it is dead, for the moment that it takes to beat again.
    run = await hearts.run_of(hearts.other)
    await in_database(silence, hearts.other, LEASE + BEAT)
    hearts.was_silent(LEASE - BEAT)
    await hearts.turn()
    await hearts.turn()
    assert await in_database(status, run.run) == "running"


async def test_a_run_taken_while_its_log_was_away_is_sealed_and_ended_when_the_log_is_back(hearts: Hearts) -> None:
    run = await hearts.run_of(hearts.other)
    await in_database(silence, hearts.other, LEASE + 1)
    hearts.log.down = True
    await hearts.turn()
    hearts.log.down = False
    await hearts.turn()
    hearts.heart._idle_since[run.run] -= YOUNG
    await hearts.turn()
    assert await in_database(status, run.run) == "interrupted"
    assert await in_database(text, run.run) == "Shown"
    late = Append(run.run, run.token, len(SHOWN), [b"{}"])
    assert await hearts.log.append([late]) == [Appended.REFUSED]


async def test_a_run_taken_while_its_log_was_away_is_not_answered_again_when_the_log_is_lost(hearts: Hearts) -> None:
    run = await hearts.run_of(hearts.other)
    await in_database(silence, hearts.other, LEASE + 1)
    hearts.log.down = True
    await hearts.turn()
    hearts.log.down = False
    hearts.log.events.clear()
    await hearts.turn()
    hearts.heart._idle_since[run.run] -= YOUNG
    await hearts.turn()
    assert await in_database(status, run.run) == "interrupted"
    assert hearts.agent.turns == []


async def test_a_run_of_its_own_that_no_task_knows_is_answered(hearts: Hearts) -> None:
    posted = await in_database(_post, hearts.mine)
    await hearts.turn()
    hearts.heart._idle_since[posted.run] -= YOUNG
    await hearts.turn()
    assert hearts.supervisor.live == {posted.run}


async def test_a_run_whose_answer_comes_while_it_is_looked_after_is_not_ended(
    hearts: Hearts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = await in_database(_post, hearts.mine)
    started, read = posted.started, hearts.log.read
    assert started is not None

    async def late(run: UUID, after: int = 0) -> list[bytes]:
        # The answer to its commit, and its first event, before this look has read the log.
        hearts.supervisor.take(started)
        await hearts.speech.reached.wait()
        while not (events := await read(run, after)):
            await hearts.log.writing.wait()
        return events

    await hearts.turn()
    monkeypatch.setattr(hearts.log, "read", late)
    hearts.heart._idle_since[posted.run] -= YOUNG
    await hearts.turn()
    assert await in_database(status, posted.run) == "running"
    assert hearts.supervisor.live == {posted.run}


async def test_a_run_that_was_taken_from_it_is_given_up_though_its_agent_says_nothing_more(hearts: Hearts) -> None:
    posted = await in_database(_post, hearts.mine)
    assert posted.started is not None
    hearts.supervisor.take(posted.started)
    await hearts.speech.reached.wait()
    assert await in_database(seal_run, run_id=posted.run, token=posted.started.token, worker_id=hearts.other)
    await hearts.log.seal(posted.run, uuid4())
    await hearts.turn()
    await hearts.supervisor._idle()
    # Whoever looked at it here follows its log from now on.
    assert hearts.feeds.of(posted.run) is None
    assert await in_database(status, posted.run) == "running"


@pytest.mark.parametrize("whose", ["dead", "own"])
async def test_a_run_that_cannot_be_ended_keeps_no_other_from_its_end(
    hearts: Hearts, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    """Somebody has locked its chat, for one."""
    stuck = await hearts.run_of(hearts.other if whose == "dead" else hearts.mine)
    dead = [await hearts.run_of(hearts.other) for _ in range(3)]
    original = finish_run

    def finish(*, run_id: UUID, **fields: Any) -> Ended | None:
        if run_id == stuck.run:
            raise OperationalError("canceling statement due to statement timeout")
        return original(run_id=run_id, **fields)

    monkeypatch.setattr(recovery, "finish_run", finish)
    await in_database(silence, hearts.other, LEASE + 1)
    hearts.heart._idle_since[stuck.run] = time.monotonic() - YOUNG
    await hearts.turn()
    assert [await in_database(status, run.run) for run in dead] == ["interrupted"] * 3
    assert await in_database(status, stuck.run) == "running"
    monkeypatch.undo()
    hearts.heart._idle_since[stuck.run] = time.monotonic() - YOUNG
    await hearts.turn()
    assert await in_database(status, stuck.run) == "interrupted"
