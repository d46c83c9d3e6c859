"""The events of runs that may be shown: of this process's runs, and of others' as their logs have them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from chat import feeds as module
from chat.feeds import Feeds
from chat.protocol.codes import Unavailable
from chat.protocol.events import RunFinished, RunStarted, TextMessageContent
from chat.protocol.objects import TextPart
from chat.protocol.transcript import Transcript, entry
from tests import TIMEOUT
from tests.logs import MemoryLog
from tests.until import until

CHAT = UUID(int=1)
BEGIN = entry(RunStarted(thread_id="t", run_id="r")).json()
END = entry(RunFinished(thread_id="t", run_id="r")).json()


def word(number: int) -> bytes:
    return entry(TextMessageContent(message_id="m", delta=f"{number} ")).json()


class Reads(MemoryLog):
    """Counts what is read of each run."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[UUID] = []

    async def read(self, run: UUID, after: int = 0) -> list[bytes]:
        self.reads.append(run)
        return await super().read(run, after)


@pytest.fixture
def log() -> Reads:
    return Reads()


@pytest.fixture
def woken() -> list[UUID]:
    return []


@pytest.fixture
async def feeds(log: Reads, woken: list[UUID]) -> AsyncIterator[Feeds]:
    made = Feeds(log, woken.append)
    made.start()
    yield made
    await made.stop()


@pytest.fixture
def run() -> UUID:
    return uuid4()


async def test_a_run_of_this_process_is_shown_as_its_transcript_grows(
    feeds: Feeds, run: UUID, woken: list[UUID], log: Reads
) -> None:
    transcript = Transcript()
    feeds.open(run, CHAT, transcript)
    transcript.append_json(word(1))
    feeds.grew(run)
    feeds.close(run)
    feed = feeds.follow(run, CHAT)
    assert (feed.seq, feed.closed, feed.remote) == (1, True, False)
    assert woken == 3 * [CHAT]
    assert log.reads == []


async def test_an_ended_run_can_be_read_for_a_while_longer(
    feeds: Feeds, run: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 0.01)
    feeds.open(run, CHAT, Transcript())
    feeds.close(run)
    assert feeds.of(run) is not None
    await until(lambda: feeds.of(run) is None)


async def test_readers_at_the_same_place_share_a_frame(feeds: Feeds, run: UUID) -> None:
    transcript = Transcript()
    feeds.open(run, CHAT, transcript)
    for number in range(3):
        transcript.append_json(word(number))
    feed = feeds.follow(run, CHAT)
    assert feed.frame(1) == feed.frame(1)
    assert feed.frame(1)[1] is feed.frame(1)[1]
    assert feed.frame(0)[1] is not feed.frame(1)[1]
    seq, before = feed.frame(2)
    transcript.append_json(word(3))
    assert (seq, feed.frame(2)[0]) == (3, 4)
    assert feed.frame(2)[1] is not before


async def test_a_run_of_another_process_is_read_from_its_log(
    feeds: Feeds, log: Reads, run: UUID, woken: list[UUID]
) -> None:
    log.events[run] = [BEGIN, word(1)]
    feed = await feeds.ready(run, CHAT)
    assert (feed.seq, feed.remote, feed.closed, woken) == (2, True, False, [CHAT])
    log.events[run] += [word(2), END]
    feeds.heard({run: 4, uuid4(): 9})
    await until(lambda: feed.closed)
    assert feed.seq == 4


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.02)


@pytest.mark.usefixtures("_often")
async def test_what_no_note_spoke_of_is_seen_a_moment_later(feeds: Feeds, log: Reads, run: UUID) -> None:
    log.events[run] = [BEGIN]
    feed = await feeds.ready(run, CHAT)
    log.events[run] += [word(1)]
    await until(lambda: feed.seq == 2)


@pytest.mark.usefixtures("_often")
async def test_notes_of_one_run_do_not_keep_another_from_being_looked_at(feeds: Feeds, log: Reads) -> None:
    loud, quiet = uuid4(), uuid4()
    log.events = {loud: [BEGIN], quiet: [BEGIN]}
    await asyncio.gather(feeds.ready(loud, CHAT), feeds.ready(quiet, CHAT))
    log.events[quiet] += [word(1)]
    async with asyncio.timeout(TIMEOUT):
        while feeds.follow(quiet, CHAT).seq < 2:
            log.events[loud] += [word(1)]
            feeds.heard({loud: len(log.events[loud])})
            await asyncio.sleep(0.001)


async def test_old_news_reads_nothing(feeds: Feeds, log: Reads, run: UUID) -> None:
    log.events[run] = [BEGIN]
    await feeds.ready(run, CHAT)
    reads = len(log.reads)
    feeds.heard({run: 1})
    feeds.heard({run: 0})
    await asyncio.sleep(0)
    assert len(log.reads) == reads


async def test_a_log_that_is_away_means_ask_again_and_never_that_nothing_is_there(
    feeds: Feeds, log: Reads, run: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_READ", 0.01)
    log.events[run] = [BEGIN]
    log.down = True
    with pytest.raises(Unavailable):
        await feeds.ready(run, CHAT)
    feed = feeds.follow(run, CHAT)
    assert (feed.seq, feed.closed) == (0, False)
    log.down = False
    feeds.heard({run: 1})
    await until(lambda: feed.seq == 1)
    assert await feeds.ready(run, CHAT) is feed


async def test_who_reads_once_reads_the_log_and_nothing_is_followed_for_it(feeds: Feeds, log: Reads, run: UUID) -> None:
    log.events[run] = [BEGIN, word(1)]
    assert (await feeds.newest(run)).seq == 2
    log.events[run] += [word(2)]
    assert (await feeds.newest(run)).seq == 3
    assert feeds.of(run) is None


async def test_who_reads_once_beside_a_follower_reads_no_less_than_it_was_shown(
    feeds: Feeds, log: Reads, run: UUID
) -> None:
    log.events[run] = [BEGIN, word(1)]
    await feeds.ready(run, CHAT)
    log.events[run] += [word(2)]
    assert (await feeds.newest(run)).seq == 3
    for log.events[run] in ([], [BEGIN]):
        assert (await feeds.newest(run)).seq == 3
    log.down = True
    assert (await feeds.newest(run)).seq == 3


async def test_a_log_that_was_lost_means_ask_again_also_to_who_reads_once(
    feeds: Feeds, log: Reads, run: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = asyncio.create_task(feeds.newest(run))
    await until(lambda: len(log.reads) > 1)
    log.events[run] = [BEGIN]
    assert (await asking).seq == 1
    monkeypatch.setattr(module, "FIRST_READ", 0.1)
    del log.events[run]
    with pytest.raises(Unavailable):
        await feeds.newest(run)


async def test_a_run_of_this_process_that_has_said_nothing_is_no_lost_one(feeds: Feeds, log: Reads, run: UUID) -> None:
    feeds.open(run, CHAT, Transcript())
    assert (await feeds.newest(run)).seq == 0
    assert log.reads == []


async def test_who_asked_before_the_run_was_known_to_be_our_own_gets_its_feed(feeds: Feeds, run: UUID) -> None:
    waiting = asyncio.create_task(feeds.ready(run, CHAT))
    await asyncio.sleep(0)
    feeds.open(run, CHAT, Transcript())
    async with asyncio.timeout(module.FIRST_READ / 2):
        feed = await waiting
    assert (feed, feed.remote) == (feeds.of(run), False)


async def test_a_run_that_was_lost_to_another_is_followed_from_its_log(feeds: Feeds, log: Reads, run: UUID) -> None:
    transcript = Transcript()
    feeds.open(run, CHAT, transcript)
    transcript.append_json(BEGIN)
    feeds.lose(run)
    log.events[run] = [BEGIN, END]
    feed = await feeds.ready(run, CHAT)
    assert (feed.remote, feed.seq, feed.closed) == (True, 2, True)


async def test_an_end_that_never_comes_to_the_log_is_waited_for_only_so_long(
    feeds: Feeds, log: Reads, run: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.01)
    log.events[run] = [BEGIN]
    feed = await feeds.ready(run, CHAT)
    feeds.ended(run)
    assert not feed.closed
    await until(lambda: feed.closed)
    assert feed.seq == 1


async def test_a_line_that_cannot_be_read_closes_the_feed_and_no_other(feeds: Feeds, log: Reads, run: UUID) -> None:
    other = uuid4()
    log.events = {run: [BEGIN, b"{"], other: [BEGIN]}
    broken, sound = await asyncio.gather(feeds.ready(run, CHAT), feeds.ready(other, CHAT))
    assert (broken.seq, broken.closed, sound.seq, sound.closed) == (1, True, 1, False)
    log.events[other] += [word(1)]
    feeds.heard({other: 2})
    await until(lambda: sound.seq == 2)


async def test_what_nobody_looks_at_is_not_read(feeds: Feeds, log: Reads, run: UUID) -> None:
    own = uuid4()
    feeds.open(own, CHAT, Transcript())
    log.events[run] = [BEGIN]
    await feeds.ready(run, CHAT)
    feeds.leave(CHAT)
    assert feeds.of(run) is None
    assert feeds.of(own) is not None
    reads = len(log.reads)
    feeds.heard({run: 9})
    await asyncio.sleep(0)
    assert len(log.reads) == reads


async def test_who_comes_from_the_owner_is_not_set_back_to_what_was_read_here_last(
    feeds: Feeds, log: Reads, run: UUID
) -> None:
    log.events[run] = [BEGIN, word(1)]
    await feeds.ready(run, CHAT)
    # Logged, and shown by its owner; no look here since then.
    log.events[run] += [word(2), word(3)]
    assert all(await asyncio.gather(*(feeds.has_shown(run, CHAT, seq) for seq in (4, 3, 4, 0))))
    assert not await feeds.has_shown(run, CHAT, 5)
    assert not await feeds.has_shown(run, CHAT, -1)
    feed = feeds.of(run)
    assert feed is not None
    # Several who asked at once have not read it twice.
    assert feed.seq == 4
    assert [part.text for part in feed.transcript.parts() if isinstance(part, TextPart)] == ["1 2 3 "]
