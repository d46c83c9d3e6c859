"""What one socket is told, and in which order."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import OperationalError

from chat import hub as hub_module
from chat import selectors
from chat.agents.base import AgentError, Turn
from chat.consumers import writer as module
from chat.database import in_database
from chat.protocol.events import AnyEvent
from chat.protocol.frames import Ack
from chat.services.chats import delete_chat, edit_chat
from chat.services.runs import request_stop
from tests import TIMEOUT
from tests.agents import Speaker, Waiting, finished, saying, text
from tests.chats import new_chat, new_user, talk
from tests.reader import Reader, reading
from tests.state import State
from tests.until import until
from tests.worker import post, worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chats(user: UUID) -> list[UUID]:
    return [new_chat(user) for _ in range(4)]


def check_order(reader: Reader) -> set[str]:
    """What holds by construction, over all that a reader was sent; returns the runs whose end it saw.

    Versions and seqs have no gap; a run's events come after the frame that announced it, before the one that ends it.
    """
    versions: dict[str, int] = {}
    cursors: dict[str, int] = {}
    ended: set[str] = set()
    for frame in reader.frames:
        if frame["type"] == "chat.snapshot":
            versions[frame["chat"]["id"]] = frame["version"]
            cursors |= {run["run"]: run["seq"] for run in frame["runs"]}
        elif frame["type"] == "chat.changed":
            assert frame["after"] == versions[frame["chat"]]
            versions[frame["chat"]] = frame["version"]
            for run in frame["change"].get("runs", []):
                if run["status"] == "running":
                    assert run["seq"] == cursors.setdefault(run["run"], 0)
                elif run["run"] in cursors:
                    assert cursors.pop(run["run"]) == run["seq"], "ended before its last event was sent"
                    ended.add(run["run"])
        elif frame["type"] == "run.events":
            assert frame["after"] == cursors[frame["run"]], "not announced, or a gap"
            assert frame["seq"] > frame["after"]
            cursors[frame["run"]] = frame["seq"]
    return ended


async def as_fresh(reader: Reader, *chats: UUID) -> None:
    """Wait until what this reader knows of these chats is what a new one is told."""
    hub, user = reader.writer._hub, reader.writer._user

    def known(state: State) -> dict[str, Any]:
        return {str(chat): (state.open[str(chat)].version, dict(state.open[str(chat)].messages)) for chat in chats}

    async with reading(hub, user, *chats) as new:
        await until(lambda: len(new.of("chat.snapshot")) == len(chats))
        await until(lambda: known(reader.state) == known(new.state))


async def test_order_holds_by_construction_for_many_readers_of_many_chats(user: UUID, chats: list[UUID]) -> None:
    chance = random.Random(7)  # noqa: S311  # the same run each time

    async def speech(turn: Turn) -> AsyncGenerator[AnyEvent]:
        for event in text(turn, *(f"{number} " for number in range(chance.randrange(30)))):
            yield event
            await asyncio.sleep(chance.choice((0, 0, 0, 0.002)))
        if chance.random() < 0.2:
            raise AgentError("agent_failed", "No.")
        if chance.random() < 0.8:
            yield finished(turn)

    async def life(chat: UUID) -> None:
        for number in range(4):
            posted = await post(runtime, user, chat, f"Question {number}")
            if chance.random() < 0.3:
                await in_database(edit_chat, user_id=user, chat_id=chat, title=f"Title {number}")
            if chance.random() < 0.3:
                await in_database(request_stop, user_id=user, run_id=posted.run)
            await until(lambda posted=posted: posted.run not in runtime.supervisor.live)  # type: ignore[misc]

    async with worker(Speaker(speech)) as runtime, reading(runtime.hub, user, *chats) as first:
        lives = asyncio.gather(*(life(chat) for chat in chats))
        await until(lambda: len(first.of("run.events")) > 3)
        async with reading(runtime.hub, user, *chats) as second:
            await lives
            for reader in (first, second):
                await as_fresh(reader, *chats)
                check_order(reader)
                assert reader.codes == []
            # All but what ended before its snapshot was made.
            assert len(check_order(first)) > len(chats)


async def test_an_ack_comes_before_what_it_announces(user: UUID, chats: list[UUID]) -> None:
    async with worker(Speaker(saying("Hi"))) as runtime:
        reader = Reader(runtime.hub, user)
        reader.open(chats[0])
        reader.writer.say(Ack("c1", resumed=False))
        task = asyncio.create_task(reader.writer.run())
        await until(lambda: reader.of("chat.snapshot"))
        task.cancel()
        reader.writer.leave()
    assert [frame["type"] for frame in reader.frames][:2] == ["ack", "chat.snapshot"]


async def test_a_chat_that_cannot_be_read_keeps_nothing_from_the_others(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when its rows are of a newer version; once it can be read, it is shown."""
    broken, whole = chats[:2]
    read, can = selectors.snapshot, threading.Event()

    def snapshot(chat: UUID) -> selectors.Snapshot | None:
        if chat == broken and not can.is_set():
            raise msgspec.ValidationError("Invalid value")
        return read(chat)

    monkeypatch.setattr(selectors, "snapshot", snapshot)
    monkeypatch.setattr(module, "BROKEN", 0.1)
    async with worker(Speaker(saying("Hi"))) as runtime, reading(runtime.hub, user, broken, whole) as reader:
        await until(lambda: reader.of("chat.snapshot"))
        posted = await post(runtime, user, whole)
        await until(lambda: reader.status(posted.reply) == "complete")
        assert not [frame for frame in reader.of("chat.snapshot") if frame["chat"]["id"] == str(broken)]
        can.set()
        await until(lambda: len(reader.of("chat.snapshot")) == 2)
        assert reader.codes == []
    assert f"chat {broken} cannot be shown" in caplog.text


async def test_a_chat_that_is_closed_while_it_is_read_is_followed_no_more(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, begun, go = selectors.snapshot, threading.Event(), threading.Event()

    def snapshot(chat: UUID) -> selectors.Snapshot | None:
        found = read(chat)
        begun.set()
        assert go.wait(TIMEOUT)
        return found

    waiting = Waiting("So far")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chats[0])
        await waiting.reached.wait()
        monkeypatch.setattr(selectors, "snapshot", snapshot)
        asked: list[UUID] = []
        ready = runtime.hub.feeds.ready

        async def noted(run: UUID, chat: UUID) -> Any:
            asked.append(run)
            return await ready(run, chat)

        monkeypatch.setattr(runtime.hub.feeds, "ready", noted)
        async with reading(runtime.hub, user, chats[0]) as reader:
            await until(begun.is_set)
            reader.writer.hide(chats[0])
            go.set()
            reader.open(chats[1])
            await until(lambda: reader.of("chat.snapshot"))
        assert posted.run not in asked
        waiting.go.set()


async def test_the_end_of_a_run_does_not_repeat_its_text(user: UUID, chats: list[UUID]) -> None:
    # One that is over before its chat was looked at would be told of once, whole.
    waiting = Waiting("Hello, ", after="world")
    async with worker(Speaker(waiting)) as runtime, reading(runtime.hub, user, chats[0]) as reader:
        await until(lambda: reader.of("chat.snapshot"))
        posted = await post(runtime, user, chats[0])
        await until(lambda: reader.text(posted.reply) == "Hello, ")
        waiting.go.set()
        await until(lambda: reader.status(posted.reply) == "complete" and len(reader.of("chat.changed")) == 2)
        last = reader.of("chat.changed")[-1]["change"]
        assert reader.text(posted.reply) == "Hello, world"
    (reply,) = last["messages"]
    assert "parts" not in reply
    assert last["runs"][0]["status"] == "completed"


async def test_a_snapshot_of_a_streaming_chat_has_what_was_said_and_goes_on_from_there(
    user: UUID, chats: list[UUID]
) -> None:
    waiting = Waiting("So ", "far", after=" and on")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chats[0])
        feed = runtime.hub.feeds.follow(posted.run, chats[0])
        await until(lambda: feed.seq == 3)
        async with reading(runtime.hub, user, chats[0]) as reader:
            await until(lambda: reader.of("chat.snapshot"))
            (snapshot,) = reader.of("chat.snapshot")
            assert snapshot["runs"][0]["seq"] == 3
            assert snapshot["messages"][1]["parts"] == [{"type": "text", "id": f"{posted.run}.1", "text": "So far"}]
            waiting.go.set()
            await until(lambda: reader.status(posted.reply) == "complete")
            assert reader.text(posted.reply) == "So far and on"
            check_order(reader)


async def test_a_long_reply_in_flight_comes_as_events_after_the_snapshot(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_BYTES", 100)
    waiting = Waiting(300 * "word ", after="end")
    async with worker(Speaker(waiting)) as runtime:
        posted = await post(runtime, user, chats[0])
        feed = runtime.hub.feeds.follow(posted.run, chats[0])
        await until(lambda: feed.seq == 3)
        async with reading(runtime.hub, user, chats[0]) as reader:
            await until(lambda: reader.text(posted.reply) == 300 * "word ")
            (snapshot,) = reader.of("chat.snapshot")
            assert (snapshot["runs"][0]["seq"], snapshot["messages"][1]["parts"]) == (0, [])


@pytest.mark.parametrize("read", ["snapshot", "chat_change", "list_change"])
async def test_a_database_that_fails_for_a_moment_delays_what_it_knows_and_nothing_else(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    troubled, well = chats[:2]
    original, failures = getattr(selectors, read), 0

    def fail(*args: Any, **kwargs: Any) -> Any:
        nonlocal failures
        if failures < 3 and (troubled in args or read == "list_change"):
            failures += 1
            raise OperationalError("gone")
        return original(*args, **kwargs)

    async with worker(Speaker(saying("Hi"))) as runtime, reading(runtime.hub, user, well) as reader:
        await until(lambda: reader.of("chat.snapshot", version=1))
        monkeypatch.setattr(selectors, read, fail)
        reader.open(troubled)
        if read != "snapshot":
            # What is posted now is news.
            await until(lambda: len(reader.of("chat.snapshot")) == 2)
        posts = [await post(runtime, user, chat) for chat in (troubled, well)]
        for posted in posts:
            await until(lambda posted=posted: reader.status(posted.reply) == "complete")  # type: ignore[misc]
        await until(lambda: not reader.state.chats.get(str(troubled), {"live": True})["live"])
        await until(lambda: failures == 3)
        assert reader.codes == []
        check_order(reader)


async def test_a_snapshot_that_is_long_in_coming_holds_up_no_other_chat(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_WITHIN", 0.05)
    slow, well, left = chats[:3]
    original, answers, asked = selectors.snapshot, threading.Event(), 0

    def read(chat: UUID) -> Any:
        nonlocal asked
        if chat in (slow, left):
            asked += 1
            assert answers.wait(TIMEOUT)
        return original(chat)

    monkeypatch.setattr(selectors, "snapshot", read)
    async with worker(Speaker(saying("Hi"))) as runtime, reading(runtime.hub, user, slow, left, well) as reader:
        posted = await post(runtime, user, well)
        await until(lambda: reader.status(posted.reply) == "complete")
        news = await post(runtime, user, slow)
        reader.writer.hide(left)
        assert [frame["chat"]["id"] for frame in reader.of("chat.snapshot")] == [str(well)]
        assert asked == 2
        answers.set()
        await until(lambda: reader.status(news.reply) == "complete")
        await as_fresh(reader, slow, well)
        assert len(reader.of("chat.snapshot")) == 2
        assert reader.codes == []
        check_order(reader)


async def test_however_many_sockets_wait_for_the_database_the_log_says_it_once(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    monkeypatch.setattr(hub_module, "FAILED_EVERY", 0.3)
    original, failures = selectors.snapshot, 0

    def fail(chat: UUID) -> Any:
        nonlocal failures
        if failures < 30:
            failures += 1
            raise OperationalError("gone")
        return original(chat)

    monkeypatch.setattr(selectors, "snapshot", fail)
    async with worker(Speaker(saying("Hi"))) as runtime, AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(reading(runtime.hub, user, *chats)) for _ in range(5)]
        for reader in readers:
            await until(lambda reader=reader: len(reader.of("chat.snapshot")) == len(chats))  # type: ignore[misc]
        await until(lambda: not runtime.hub._failed)
    said = [int(line.split()[5]) for line in caplog.messages if line.startswith("sockets wait for the database")]
    assert sum(said) == 30
    assert len(said) <= 3


async def test_a_chat_that_is_deleted_is_said_to_be_gone_and_is_followed_no_more(user: UUID, chats: list[UUID]) -> None:
    async with worker(Speaker(saying("Hi"))) as runtime, reading(runtime.hub, user, *chats[:2]) as reader:
        await until(lambda: len(reader.of("chat.snapshot")) == 2)
        await in_database(delete_chat, user_id=user, chat_id=chats[0])
        await until(lambda: any(str(chats[0]) in frame["removed"] for frame in reader.of("chats.changed")))
        await until(lambda: chats[0] not in reader.writer.views)
        assert chats[1] in reader.writer.views


async def test_too_much_that_changed_comes_as_a_snapshot(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors.chats, "CHANGED_ROWS", 3)
    async with worker(Speaker(saying("Hi"))) as runtime:
        await in_database(talk, user, chats[0], 3)
        async with reading(runtime.hub, user) as reader:
            reader.open(chats[0], version=1)
            await in_database(edit_chat, user_id=user, chat_id=chats[0], title="T")
            await until(lambda: reader.of("chat.snapshot"))
            assert reader.of("chat.changed") == []
            await as_fresh(reader, chats[0])


async def test_a_reader_is_told_to_look_at_its_session(user: UUID) -> None:
    async with worker(Speaker(saying("Hi"))) as runtime:
        reader = Reader(runtime.hub, user)
        reader.writer.session_moved()
        assert reader.rechecks == 1
        reader.writer.leave()
