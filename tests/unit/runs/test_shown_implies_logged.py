"""The promise that a reload, a crash and a takeover lean on: what anyone has seen is in the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from chat.agents.base import Turn
from chat.protocol.events import AnyEvent
from chat.runs import flusher as flusher_module
from tests.agents import Speaker, finished, text
from tests.chats import new_chat, new_user
from tests.logs import MemoryLog
from tests.reader import reading
from tests.state import Frame
from tests.until import until
from tests.worker import idle, post, worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chats(user: UUID) -> list[UUID]:
    return [new_chat(user) for _ in range(2)]


@pytest.mark.parametrize("trouble", [False, True], ids=["a log that answers", "a log that fails now and then"])
async def test_nothing_is_shown_before_it_is_logged(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch, trouble: bool
) -> None:
    monkeypatch.setattr(flusher_module, "RETRY", (0.001,))
    log = MemoryLog()
    seen = 0
    early_shown: list[tuple[str, int]] = []

    def check(frame: Frame) -> None:
        nonlocal seen
        shown = {}
        if frame["type"] == "run.events":
            shown = {frame["run"]: frame["seq"]}
        elif frame["type"] == "chat.snapshot":
            shown = {run["run"]: run["seq"] for run in frame["runs"]}
        for run, seq in shown.items():
            seen = max(seen, seq)
            if seq > len(log.events.get(UUID(run), [])):
                early_shown.append((run, seq))

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for number, event in enumerate(text(turn, *(f"{number} " for number in range(60)))):
            if number == 20:
                log.hold()
            if number == 40:
                log.release()
            if trouble and number % 10 == 5:
                log.fail()
            yield event
            await asyncio.sleep(0.001)
        yield finished(turn)

    async with worker(Speaker(speech), log=log) as runtime, reading(runtime.hub, user, *chats) as early:
        early.on_frame = check
        posts = [await post(runtime, user, chat) for chat in chats]
        await until(lambda: early.text(posts[0].reply))
        async with reading(runtime.hub, user, *chats) as late:
            late.on_frame = check
            await idle(runtime)
            for reader in (early, late):
                for posted in posts:
                    await until(lambda reader=reader, posted=posted: reader.status(posted.reply) == "complete")  # type: ignore[misc]
                    assert reader.text(posted.reply) == "".join(f"{number} " for number in range(60))
    assert early_shown == []
    assert seen > 4
