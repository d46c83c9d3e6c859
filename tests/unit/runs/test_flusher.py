"""From the runs to the log in natural batches, and from nowhere else to anyone's eyes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from chat import precedence as precedence_module
from chat.precedence import Precedence
from chat.protocol.events import MAX_DELTA, RunStarted, TextMessageContent, TextMessageEnd, TextMessageStart
from chat.protocol.frames import FRAME_BUDGET, run_events, run_events_of
from chat.protocol.objects import TextPart
from chat.runs import flusher as module
from chat.runs.flusher import Flusher, Tail
from chat.runs.log import Appended
from tests import TIMEOUT
from tests.logs import MemoryLog


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", (0.0,))
    monkeypatch.setattr(module, "MAX_PERIOD", 0.0)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def precedence(monkeypatch: pytest.MonkeyPatch) -> Precedence:
    monkeypatch.setattr(precedence_module, "HOLD", TIMEOUT)
    return Precedence()


@pytest.fixture
def grown() -> list[Tail]:
    """Each tail that was told of, in order."""
    return []


@pytest.fixture
async def flusher(log: MemoryLog, grown: list[Tail], precedence: Precedence) -> AsyncIterator[Flusher]:
    made = Flusher(log, grown.append, precedence)
    made.start()
    yield made
    log.release()
    await made.stop()


@pytest.fixture
def tail(flusher: Flusher) -> Tail:
    return flusher.open(uuid4(), uuid4(), uuid4())


@pytest.fixture
def owned(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the run is ours by its row."""
    answers = [True]

    async def ask(function: object, *args: object) -> bool:
        return answers[0]

    monkeypatch.setattr(module, "in_reserve", ask)
    return answers


def word(text: str) -> TextMessageContent:
    return TextMessageContent(message_id="m", delta=text)


async def flushed(*tails: Tail) -> None:
    async with asyncio.timeout(TIMEOUT):
        for tail in tails:
            await tail.flushed()


async def writing(log: MemoryLog) -> None:
    async with asyncio.timeout(TIMEOUT):
        await log.writing.wait()


def text_of(tail: Tail) -> str:
    (part,) = tail.transcript.parts()
    assert isinstance(part, TextPart)
    return part.text


async def test_a_transcript_holds_nothing_that_the_log_has_not(log: MemoryLog, tail: Tail, grown: list[Tail]) -> None:
    log.hold()
    tail.push(word("a"))
    await writing(log)
    tail.push(word("b"))
    assert (tail.transcript.seq, grown, log.events) == (0, [], {})
    log.release()
    await flushed(tail)
    assert (tail.transcript.seq, text_of(tail)) == (2, "ab")
    assert log.events[tail.run] == [data for _, data in tail.transcript.entries(0)]


async def test_an_idle_process_writes_a_token_at_once(log: MemoryLog, tail: Tail) -> None:
    for number in range(5):
        tail.push(word(str(number)))
        await flushed(tail)
    assert [[len(append.events) for append in batch] for batch in log.batches] == 5 * [[1]]


async def test_while_somebody_waits_for_an_answer_nothing_is_written(
    log: MemoryLog, tail: Tail, precedence: Precedence
) -> None:
    with precedence.asking():
        tail.push(word("a"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert log.batches == []
    tail.push(word("b"))
    await flushed(tail)
    assert [json.loads(data)["delta"] for data in log.events[tail.run]] == ["ab"]


async def test_what_gathers_during_a_write_is_the_next_write_merged(
    log: MemoryLog, flusher: Flusher, tail: Tail
) -> None:
    other = flusher.open(uuid4(), uuid4(), uuid4())
    log.hold()
    tail.push(TextMessageStart(message_id="m"))
    await writing(log)
    for number in range(1000):
        tail.push(word(f"{number} "))
        other.push(word("x"))
    tail.push(TextMessageEnd(message_id="m"))
    log.release()
    await flushed(tail, other)
    assert [len(batch) for batch in log.batches] == [1, 2]
    assert [len(append.events) for append in log.batches[1]] == [2, 1]
    assert text_of(tail) == "".join(f"{number} " for number in range(1000))
    assert (tail.transcript.seq, other.transcript.seq) == (3, 1)


async def test_a_loaded_process_writes_few_times_however_many_tokens_come(
    log: MemoryLog, flusher: Flusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PERIOD", 0.010)
    monkeypatch.setattr(module, "GAP_FACTOR", 10**6)
    tails = [flusher.open(uuid4(), uuid4(), uuid4()) for _ in range(20)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(100):
        for tail in tails:
            tail.push(word("token "))
        await asyncio.sleep(0)
    await flushed(*tails)
    # Writes are a gap of 10 ms apart; the first needs none, and a last one may be due at once.
    assert len(log.batches) <= (loop.time() - began) / 0.010 + 2
    assert sum(len(append.events) for batch in log.batches for append in batch) <= 20 * len(log.batches)
    assert all(text_of(tail) == 100 * "token " for tail in tails)


async def test_however_much_waits_a_write_stays_within_what_the_log_answers_in_time(
    log: MemoryLog, flusher: Flusher, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 100)
    log.hold()
    tail.push(word("first"))
    await writing(log)
    tails = [flusher.open(uuid4(), uuid4(), uuid4()) for _ in range(10)]
    for waits in tails:
        waits.push(word(40 * "x"))
    log.fail()
    log.release()
    await asyncio.sleep(0)
    tails[0].push(word("more"))
    await flushed(*tails)
    written = [[append.run for append in batch] for batch in log.batches]
    assert written[0] == written[1] == [tail.run]
    # Three of 40 are the first to pass 100, and who waits longest comes first.
    runs = [waits.run for waits in tails]
    assert written[2:] == [runs[:3], runs[3:6], runs[6:9], runs[9:]]
    assert [text_of(waits) for waits in tails] == [40 * "x" + "more", *(9 * [40 * "x"])]


async def test_merged_text_is_cut_into_events_that_fit_a_frame(log: MemoryLog, tail: Tail) -> None:
    log.hold()
    tail.push(RunStarted(thread_id="t", run_id="r"))
    await writing(log)
    for _ in range(40):
        tail.push(word("\x01" * (MAX_DELTA // 8)))
    tail.push(word("\x01" * (3 * MAX_DELTA)))
    log.release()
    await flushed(tail)
    after = 0
    while after < tail.transcript.seq:
        reached, events = tail.transcript.since(after, FRAME_BUDGET)
        assert len(run_events(run_events_of(tail.chat, tail.run), after, reached, events)) < 512 * 1024
        after = reached
    assert len(text_of(tail)) == 8 * MAX_DELTA


async def test_a_write_that_fails_is_written_again_byte_for_byte_before_anything_newer(
    log: MemoryLog, tail: Tail
) -> None:
    log.fail()
    log.fail(RuntimeError("anything"))
    log.hold()
    tail.push(word("a"))
    await writing(log)
    tail.push(word("b"))
    log.release()
    await flushed(tail)
    first, second, third, last = log.batches
    assert first == second == third
    assert [json.loads(event)["delta"] for append in (*first, *last) for event in append.events] == ["a", "b"]
    assert (text_of(tail), tail.refused) == ("ab", False)


async def test_a_write_whose_answer_was_lost_is_found_there_and_not_written_twice(log: MemoryLog, tail: Tail) -> None:
    log.lose()
    tail.push(word("a"))
    await flushed(tail)
    tail.push(word("b"))
    await flushed(tail)
    assert log.batches[0] == log.batches[1]
    assert log.events[tail.run] == [data for _, data in tail.transcript.entries(0)]
    assert text_of(tail) == "ab"


async def test_a_refused_run_shows_nothing_more_and_others_go_on(
    log: MemoryLog, flusher: Flusher, tail: Tail, grown: list[Tail]
) -> None:
    other = flusher.open(uuid4(), uuid4(), uuid4())
    tail.push(word("a"))
    await flushed(tail)
    log.answers[tail.run] = Appended.REFUSED
    tail.push(word("b"))
    other.push(word("c"))
    await flushed(tail, other)
    assert (tail.refused, text_of(tail)) == (True, "a")
    assert (other.refused, text_of(other)) == (False, "c")
    assert grown == [tail, tail, other]
    batches = len(log.batches)
    tail.push(word("d"))
    await flushed(tail)
    assert len(log.batches) == batches


async def test_a_lost_log_is_written_again_from_memory_under_the_same_seqs(
    log: MemoryLog, tail: Tail, owned: list[bool]
) -> None:
    tail.push(TextMessageStart(message_id="m"))
    await flushed(tail)
    tail.push(word("a"))
    await flushed(tail)
    log.events.clear()
    tail.push(word("b"))
    await flushed(tail)
    assert (tail.refused, tail.transcript.seq, text_of(tail)) == (False, 3, "ab")
    assert log.events[tail.run] == [data for _, data in tail.transcript.entries(0)]


async def test_a_lost_log_of_a_run_that_is_anothers_is_left_alone(
    log: MemoryLog, tail: Tail, owned: list[bool]
) -> None:
    tail.push(word("a"))
    await flushed(tail)
    log.events.clear()
    owned[0] = False
    tail.push(word("b"))
    await flushed(tail)
    assert (tail.refused, text_of(tail), log.events[tail.run]) == (True, "a", [])


async def test_while_a_lost_log_waits_for_the_database_the_other_runs_go_on(
    log: MemoryLog, flusher: Flusher, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = asyncio.Event()

    async def silent(*_: object) -> bool:
        return await answers.wait()

    monkeypatch.setattr(module, "in_reserve", silent)
    other = flusher.open(uuid4(), uuid4(), uuid4())
    tail.push(word("a"))
    await flushed(tail)
    log.events.clear()
    tail.push(word("b"))
    other.push(word("c"))
    await flushed(other)
    other.push(word("d"))
    await flushed(other)
    # What comes meanwhile waits behind what is in flight.
    tail.push(word("e"))
    assert (text_of(tail), text_of(other)) == ("a", "cd")
    answers.set()
    await flushed(tail)
    assert text_of(tail) == "abe"
    assert log.events[tail.run] == [data for _, data in tail.transcript.entries(0)]


async def test_a_log_that_cannot_be_written_again_ends_that_run_only(
    log: MemoryLog, flusher: Flusher, tail: Tail, owned: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Appended:
        raise RuntimeError

    monkeypatch.setattr(log, "replace", broken)
    log.answers[tail.run] = Appended.MISMATCH
    other = flusher.open(uuid4(), uuid4(), uuid4())
    tail.push(word("a"))
    other.push(word("b"))
    await flushed(tail, other)
    assert (tail.refused, other.refused, text_of(other)) == (True, False, "b")


async def test_parts_have_what_is_written_what_is_in_flight_and_what_waits(log: MemoryLog, tail: Tail) -> None:
    tail.push(word("written "))
    await flushed(tail)
    log.hold()
    tail.push(word("in flight "))
    await writing(log)
    tail.push(word("waiting"))
    assert tail.parts() == [TextPart("m", "written in flight waiting")]
    assert tail.waiting == len("in flight waiting")
    expected = tail.next_seq
    tail.push(TextMessageEnd(message_id="m"))
    log.release()
    await flushed(tail)
    assert (tail.transcript.seq, tail.waiting) == (expected, 0) == (4, 0)


async def test_nothing_pushed_is_nothing_to_wait_for(tail: Tail, log: MemoryLog) -> None:
    await flushed(tail)
    tail.push(word(""))
    await flushed(tail)
    assert log.batches == []
