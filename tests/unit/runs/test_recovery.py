"""What a process that died had running is ended at the next start, with all that anyone was shown."""

from __future__ import annotations

from uuid import UUID

import pytest
from pytest_django import Settings

from chat.database import close_pool_connections, in_database
from chat.models import Run
from chat.protocol.events import AnyEvent, RunError, RunStarted, TextMessageContent, TextMessageStart
from chat.protocol.transcript import entry
from chat.runs.log import Append, Appended
from chat.runs.log.database import DatabaseLog
from chat.runs.recovery import end_orphans
from chat.services.messages import Posted
from chat.services.workers import register_worker
from tests.agents import Speaker, saying
from tests.chats import answer, new_chat, new_user, say
from tests.worker import outcome, worker

pytestmark = pytest.mark.django_db(transaction=True)
SENTENCE = "The server stopped in the middle of this reply. What was written is kept."


@pytest.fixture(autouse=True)
def _alone(settings: Settings) -> None:
    """Only a process that is alone ends all that runs when it starts; of several, the heartbeat finds who is gone."""
    settings.REDIS_URL = ""


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def posted(user: UUID) -> Posted:
    return say(user, new_chat(user))


async def logged(posted: Posted, *more: bytes) -> None:
    """What the dead process had logged, and `more` lines."""
    log = DatabaseLog()
    assert posted.started is not None
    said: list[AnyEvent] = [
        RunStarted(thread_id=str(posted.started.chat), run_id=str(posted.run)),
        TextMessageStart(message_id="m"),
        TextMessageContent(message_id="m", delta="Shown"),
    ]
    lines = [*(entry(event).json() for event in said), *more]
    assert await log.append([Append(posted.run, posted.started.token, 0, lines)]) == [Appended.WRITTEN]
    await log.close()


async def test_a_start_ends_what_the_process_before_it_left_running(posted: Posted) -> None:
    await logged(posted)
    async with worker(Speaker(saying("Hi"))):
        found = await outcome(posted.run)
    assert (found.run, found.message, found.error) == ("interrupted", "interrupted", ("interrupted", SENTENCE))
    assert (found.text, found.last_seq, len(found.events)) == ("Shown", 4, 4)
    assert found.terminal == [RunError(message=SENTENCE, code="interrupted")]


async def test_a_run_that_had_said_nothing_ends_with_an_empty_reply(posted: Posted) -> None:
    async with worker(Speaker(saying("Hi"))):
        found = await outcome(posted.run)
    assert (found.run, found.parts, found.last_seq, len(found.events)) == ("interrupted", [], 1, 1)


async def test_the_owner_that_only_slept_is_refused_from_then_on(posted: Posted) -> None:
    await logged(posted)
    assert posted.started is not None
    async with worker(Speaker(saying("Hi"))):
        log = DatabaseLog()
        late = Append(posted.run, posted.started.token, 4, [b"{}"])
        assert await log.append([late]) == [Appended.REFUSED]
        await log.close()


@pytest.mark.parametrize("line", [b"{", b'{"type":"UNKNOWN"}', b"[]"])
async def test_a_line_that_cannot_be_read_ends_what_is_kept_and_keeps_nobody_from_starting(
    user: UUID, posted: Posted, line: bytes
) -> None:
    after_it = entry(TextMessageContent(message_id="m", delta=" but not this")).json()
    await logged(posted, line, after_it)
    other = await in_database(lambda: say(user, new_chat(user)))
    async with worker(Speaker(saying("Hi"))) as runtime:
        assert runtime.ready
        found = [(await in_database(Run.objects.get, id=run)).status for run in (posted.run, other.run)]
        assert found == ["interrupted", "interrupted"]

    def text() -> list[str]:
        return [part["text"] for part in Run.objects.get(id=posted.run).reply.parts]

    assert await in_database(text) == ["Shown"]
    close_pool_connections()


async def test_what_had_ended_is_left_alone(user: UUID, posted: Posted) -> None:
    await logged(posted)
    await in_database(answer, posted, "Whole")
    log = DatabaseLog()
    await end_orphans(log, await in_database(register_worker, name="new"))
    await log.close()
    found = await outcome(posted.run)
    assert (found.run, found.text, found.terminal) == ("completed", "Whole", [])
    close_pool_connections()
