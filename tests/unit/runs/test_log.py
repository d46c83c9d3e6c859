"""What every log of runs promises. A new implementation joins by a line in `IMPLEMENTATIONS`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import pytest

from chat.database import close_pool_connections, in_database
from chat.models import RunEvent
from chat.runs.log import Append, Appended, RunLog
from chat.runs.log.database import DatabaseLog
from chat.runs.log.redis import ENDED, RedisLog
from chat.services.messages import Started
from chat.services.runs import seal_run
from chat.services.workers import register_worker
from tests.chats import new_chat, new_user, say
from tests.services import new_redis

pytestmark = pytest.mark.django_db(transaction=True)
IMPLEMENTATIONS: dict[str, Callable[[], RunLog]] = {
    "database": DatabaseLog,
    "redis": lambda: RedisLog(new_redis()),
}
A, B, C, D, X = (b'{"event":"%b"}' % letter for letter in (b"a", b"b", b"c", 'dé"\\u0000'.encode(), b"x"))


@pytest.fixture(params=IMPLEMENTATIONS)
async def log(request: pytest.FixtureRequest) -> AsyncIterator[RunLog]:
    made = IMPLEMENTATIONS[request.param]()
    yield made
    await made.close()
    close_pool_connections()


@pytest.fixture
def runs() -> list[Started]:
    """Three running runs."""
    user = new_user()
    started = [say(user, new_chat(user)).started for _ in range(3)]
    return [each for each in started if each is not None]


@pytest.fixture
def run(runs: list[Started]) -> Started:
    return runs[0]


def after(run: Started, seq: int, *events: bytes, token: UUID | None = None) -> Append:
    return Append(run.run, token or run.token, seq, events)


async def one(log: RunLog, append: Append) -> Appended:
    (answer,) = await log.append([append])
    return answer


async def seal(log: RunLog, run: Started) -> UUID:
    worker = await in_database(register_worker, name="other")
    token = await in_database(seal_run, run_id=run.run, token=run.token, worker_id=worker)
    assert token is not None
    await log.seal(run.run, token)
    return token


async def let_it_go(log: RunLog, run: Started) -> None:
    """What the time does to the log of a run that has ended."""
    if isinstance(log, RedisLog):
        for key in await log._redis.keys(f"*{run.run}*"):
            if await log._redis.ttl(key) <= ENDED:
                await log._redis.delete(key)
    else:
        await in_database(RunEvent.objects.filter(run_id=run.run).delete)


async def test_however_many_read_what_is_appended_is_written(log: RunLog, runs: list[Started]) -> None:
    """As when the runs of a worker that drains are all followed from another."""
    for started in runs:
        assert await one(log, after(started, 0, A)) is Appended.WRITTEN
    reading = [asyncio.create_task(log.read(runs[number % 3].run)) for number in range(300)]
    for seq in range(1, 20):
        assert await one(log, after(runs[0], seq, B)) is Appended.WRITTEN
    assert {events[0] for events in await asyncio.gather(*reading)} == {A}
    await asyncio.gather(*(log.expire([started.run]) for started in runs for _ in range(100)))


async def test_the_worked_example(log: RunLog, run: Started) -> None:
    assert await one(log, after(run, 0, A, B, C)) is Appended.WRITTEN
    assert await one(log, after(run, 3, D)) is Appended.WRITTEN
    assert await one(log, after(run, 3, D)) is Appended.WRITTEN
    assert await one(log, after(run, 3, X)) is Appended.MISMATCH
    assert await one(log, after(run, 5, X)) is Appended.MISMATCH
    assert await log.read(run.run) == [A, B, C, D]


async def test_a_run_without_events_has_none(log: RunLog, run: Started) -> None:
    assert await log.read(run.run) == []
    assert await log.read(uuid4()) == []


async def test_events_come_back_byte_for_byte_from_any_cursor(log: RunLog, run: Started) -> None:
    events = [A, B, C, D, b'{"text":"%b"}' % ("漢😀" * 10_000).encode()]
    await one(log, after(run, 0, *events))
    for cursor in range(len(events) + 2):
        assert await log.read(run.run, cursor) == events[cursor:]


@pytest.mark.parametrize("events", [(A, B, C), (A,), (X, B), (A, X), (X,)])
async def test_the_first_events_again_are_written_only_if_they_are_the_same(
    log: RunLog, run: Started, events: tuple[bytes, ...]
) -> None:
    await one(log, after(run, 0, A, B, C))
    same = events == (A, B, C)
    assert await one(log, after(run, 0, *events)) is (Appended.WRITTEN if same else Appended.MISMATCH)
    assert await log.read(run.run) == [A, B, C]


async def test_what_begins_beyond_the_end_is_a_mismatch(log: RunLog, run: Started) -> None:
    assert await one(log, after(run, 1, B)) is Appended.MISMATCH
    await one(log, after(run, 0, A))
    assert await one(log, after(run, 2, C)) is Appended.MISMATCH
    assert await log.read(run.run) == [A]


async def test_a_wrong_token_is_refused_once_there_is_a_right_one(log: RunLog, run: Started) -> None:
    await one(log, after(run, 0, A))
    assert await one(log, after(run, 1, B, token=uuid4())) is Appended.REFUSED
    assert await one(log, after(run, 0, A, token=uuid4())) is Appended.REFUSED
    assert await log.read(run.run) == [A]


async def test_after_a_seal_the_old_owner_is_refused_and_the_new_one_goes_on(log: RunLog, run: Started) -> None:
    await one(log, after(run, 0, A))
    token = await seal(log, run)
    assert await one(log, after(run, 1, X)) is Appended.REFUSED
    assert await one(log, after(run, 0, A)) is Appended.REFUSED
    assert await log.replace(run.run, run.token, [X]) is Appended.REFUSED
    assert await one(log, after(run, 1, B, token=token)) is Appended.WRITTEN
    assert await log.read(run.run) == [A, B]


async def test_a_run_sealed_before_its_first_event_takes_none_of_its_old_owner(log: RunLog, run: Started) -> None:
    token = await seal(log, run)
    assert await one(log, after(run, 0, A)) is Appended.REFUSED
    assert await one(log, after(run, 0, B, token=token)) is Appended.WRITTEN
    assert await log.read(run.run) == [B]


async def test_an_old_owner_that_wakes_up_when_the_log_has_gone_is_refused_all_the_same(
    log: RunLog, run: Started
) -> None:
    token = await seal(log, run)
    await one(log, after(run, 0, B, token=token))
    await log.expire([run.run])
    await let_it_go(log, run)
    assert await log.read(run.run) == []
    assert await one(log, after(run, 0, A)) is Appended.REFUSED
    assert await log.replace(run.run, run.token, [A]) is Appended.REFUSED
    assert await log.read(run.run) == []


async def test_one_runs_refusal_does_not_touch_the_others(log: RunLog, runs: list[Started]) -> None:
    first, sealed, last = runs
    for run in runs:
        await one(log, after(run, 0, A))
    await seal(log, sealed)
    answers = await log.append([after(first, 1, B), after(sealed, 1, B, C), after(last, 1, B, C)])
    assert answers == [Appended.WRITTEN, Appended.REFUSED, Appended.WRITTEN]
    assert [await log.read(run.run) for run in runs] == [[A, B], [A], [A, B, C]]


async def test_one_runs_mismatch_does_not_touch_the_others(log: RunLog, runs: list[Started]) -> None:
    for run in runs:
        await one(log, after(run, 0, A))
    answers = await log.append([after(runs[0], 1, B), after(runs[1], 4, C), after(runs[2], 1, B)])
    assert answers == [Appended.WRITTEN, Appended.MISMATCH, Appended.WRITTEN]
    assert [await log.read(run.run) for run in runs] == [[A, B], [A], [A, B]]


async def test_a_batch_that_was_written_in_part_is_completed_by_its_repeat(log: RunLog, runs: list[Started]) -> None:
    batch = [after(run, 0, A, B) for run in runs]
    await log.append(batch[:2])
    assert await log.append(batch) == 3 * [Appended.WRITTEN]
    assert [await log.read(run.run) for run in runs] == 3 * [[A, B]]


async def test_a_lost_log_is_written_again_by_its_owner(log: RunLog, run: Started) -> None:
    await one(log, after(run, 0, A, B))
    assert await log.replace(run.run, run.token, [A, C, D]) is Appended.WRITTEN
    assert await log.read(run.run) == [A, C, D]
    assert await one(log, after(run, 3, X)) is Appended.WRITTEN


async def test_an_ended_run_can_still_be_read_and_take_its_terminal_event(log: RunLog, run: Started) -> None:
    await one(log, after(run, 0, A))
    await log.expire([run.run])
    assert await one(log, after(run, 1, B)) is Appended.WRITTEN
    assert await log.read(run.run) == [A, B]
