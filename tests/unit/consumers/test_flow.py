"""Holding back for a slow reader: what is on its way is counted, and a reader without progress is given up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.consumers import flow as module
from chat.consumers.flow import MAX_UNACKNOWLEDGED, Flow, TooSlow
from chat.protocol.codes import InvalidCommand
from tests import TIMEOUT


def test_what_is_confirmed_is_not_counted_any_more() -> None:
    flow = Flow()
    for size in (100, 20, 3):
        flow.sent(size)
    assert flow.unacknowledged == 123
    flow.confirm(1)
    assert flow.unacknowledged == 23
    flow.confirm(3)
    assert flow.unacknowledged == 0


def test_old_news_changes_nothing() -> None:
    flow = Flow()
    flow.sent(10)
    flow.sent(20)
    flow.confirm(2)
    for count in (2, 1, 0):
        flow.confirm(count)
    assert flow.unacknowledged == 0


@pytest.mark.parametrize("count", [3, 10**30])
def test_nobody_can_confirm_what_was_never_sent(count: int) -> None:
    flow = Flow()
    flow.sent(10)
    flow.sent(20)
    with pytest.raises(InvalidCommand, match="only 2 were sent"):
        flow.confirm(count)
    assert flow.unacknowledged == 30


@given(st.lists(st.one_of(st.integers(1, 10**6), st.floats(0, 1)), max_size=50))
def test_the_count_is_always_that_of_the_frames_not_confirmed(steps: list[int | float]) -> None:
    flow, sizes, confirmed = Flow(), [], 0
    for step in steps:
        if isinstance(step, int):
            flow.sent(step)
            sizes.append(step)
        else:
            count = int(step * len(sizes))
            flow.confirm(count)
            confirmed = max(confirmed, count)
        assert flow.unacknowledged == sum(sizes[confirmed:])


async def test_there_is_room_until_too_much_is_on_its_way() -> None:
    flow = Flow()
    flow.sent(MAX_UNACKNOWLEDGED)
    async with asyncio.timeout(TIMEOUT):
        await flow.room()
    flow.sent(1)
    waiting = asyncio.create_task(flow.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    flow.confirm(1)
    async with asyncio.timeout(TIMEOUT):
        await waiting


async def test_a_reader_that_confirms_nothing_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    flow = Flow()
    flow.sent(MAX_UNACKNOWLEDGED + 1)
    with pytest.raises(TooSlow):
        await flow.room()


async def test_any_progress_buys_a_slow_reader_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 10 * TIMEOUT)
    flow = Flow()
    for _ in range(4):
        flow.sent(MAX_UNACKNOWLEDGED)
    waiting = asyncio.create_task(flow.room())
    await asyncio.sleep(0)
    # From the next progress on, patience is counted anew: now it is short.
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    flow.confirm(1)
    with pytest.raises(TooSlow):
        async with asyncio.timeout(TIMEOUT):
            await waiting
    assert flow.unacknowledged == 3 * MAX_UNACKNOWLEDGED
