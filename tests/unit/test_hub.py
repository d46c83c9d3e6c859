"""Who looks at what: everyone is woken, reads are shared, and what nobody told of is found out."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from chat import hub as module
from chat import selectors
from chat.database import close_pool_connections, in_database
from chat.hub import Hub
from chat.precedence import Precedence
from chat.protocol.codes import Unavailable
from chat.services.announce import Move
from chat.services.chats import edit_chat
from tests import TIMEOUT
from tests.chats import new_chat, new_user
from tests.logs import MemoryLog
from tests.reader import reading
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    made = Hub(MemoryLog(), Precedence())
    yield made
    await made.stop()
    close_pool_connections()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The reads that reached the database, each with the version that it began from."""
    counted: list[tuple[str, Any]] = []
    change, listed = selectors.chat_change, selectors.list_change

    def chat_change(chat: UUID, after: int) -> Any:
        counted.append(("chat", after))
        return change(chat, after)

    def list_change(*, user_id: UUID, after: int) -> Any:
        counted.append(("list", after))
        return listed(user_id=user_id, after=after)

    monkeypatch.setattr(selectors, "chat_change", chat_change)
    monkeypatch.setattr(selectors, "list_change", list_change)
    return counted


class Viewer:
    """Counts what it was told."""

    def __init__(self) -> None:
        self.chats: list[UUID] = []
        self.lists = 0
        self.sessions = 0

    def chat_moved(self, chat: UUID) -> None:
        self.chats.append(chat)

    def list_moved(self) -> None:
        self.lists += 1

    def session_moved(self) -> None:
        self.sessions += 1


async def renamed(user: UUID, chat: UUID, title: str = "T") -> int:
    """A change that the hub is not told of; returns the chat's version after it."""
    await in_database(edit_chat, user_id=user, chat_id=chat, title=title)
    return (await in_database(selectors.versions, [chat]))[chat]


async def test_only_who_looks_is_woken_and_once_a_version(hub: Hub, user: UUID, chat: UUID) -> None:
    here, elsewhere, gone = Viewer(), Viewer(), Viewer()
    hub.watch_chat(here, chat)
    hub.watch_chat(elsewhere, UUID(int=1))
    hub.watch_list(elsewhere, user)
    hub.watch_chat(gone, chat)
    hub.leave_chat(gone, chat)
    for version in (2, 2, 1, 3):
        hub.heard(Move(chats={chat: version}))
    hub.heard(Move(users={user: 1}, sessions=(user, UUID(int=2))))
    assert (here.chats, elsewhere.chats, gone.chats) == ([chat, chat], [], [])
    assert (here.lists, elsewhere.lists, elsewhere.sessions) == (0, 1, 1)


async def test_fifty_viewers_of_one_change_are_one_query(
    hub: Hub, user: UUID, chat: UUID, reads: list[tuple[str, Any]]
) -> None:
    for _ in range(50):
        hub.watch_chat(Viewer(), chat)
        hub.watch_list(Viewer(), user)
    version = await renamed(user, chat)
    hub.heard(Move(chats={chat: version}, users={user: 2}))
    changes = await asyncio.gather(*(hub.chat_change(chat, 1) for _ in range(50)))
    lists = await asyncio.gather(*(hub.list_change(user, 1) for _ in range(50)))
    again = await hub.chat_change(chat, 1)
    assert sorted(reads) == [("chat", 1), ("list", 1)]
    assert {change.version for change in [*changes, again] if change is not None} == {version}
    assert {change.version for change in lists} == {2}


async def test_viewers_at_different_versions_each_get_what_they_lack(
    hub: Hub, user: UUID, chat: UUID, reads: list[tuple[str, Any]]
) -> None:
    hub.watch_chat(Viewer(), chat)
    for number in range(3):
        await renamed(user, chat, f"T{number}")
    changes = await asyncio.gather(*(hub.chat_change(chat, after) for after in (1, 2, 3, 1)))
    assert [change and (change.after, change.version) for change in changes] == [(1, 4), (2, 4), (3, 4), (1, 4)]
    assert len(reads) <= 4


async def test_a_newer_version_makes_a_new_read(hub: Hub, user: UUID, chat: UUID, reads: list[tuple[str, Any]]) -> None:
    hub.watch_chat(Viewer(), chat)
    for number in range(3):
        version = await renamed(user, chat, f"T{number}")
        hub.heard(Move(chats={chat: version}))
        change = await hub.chat_change(chat, 1)
        assert change is not None
        assert change.version == version
    assert len(reads) == 3


async def test_a_read_that_failed_is_not_shared(
    hub: Hub, user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = selectors.chat_change

    def fail(chat: UUID, after: int) -> Any:
        raise OperationalError("gone")

    hub.watch_chat(Viewer(), chat)
    monkeypatch.setattr(selectors, "chat_change", fail)
    with pytest.raises(Unavailable):
        await hub.chat_change(chat, 1)
    monkeypatch.setattr(selectors, "chat_change", original)
    assert await hub.chat_change(chat, 1) is not None


async def test_a_read_that_fails_after_all_have_gone_is_no_error(
    hub: Hub, chat: UUID, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = threading.Event()

    def fail(chat: UUID, after: int) -> Any:
        assert answers.wait(TIMEOUT)
        raise OperationalError("gone")

    monkeypatch.setattr(selectors, "chat_change", fail)
    monkeypatch.setattr(module, "READ_KEPT", 0.01)
    hub.watch_chat(Viewer(), chat)
    asking = asyncio.create_task(hub.chat_change(chat, 1))
    await until(lambda: hub._chats[chat].reads)
    asking.cancel()
    await asyncio.wait({asking})
    del asking
    answers.set()
    await until(lambda: not hub._chats[chat].reads)
    gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_viewer_that_goes_away_does_not_cancel_the_read_of_the_others(
    hub: Hub, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, begun, go = selectors.chat_change, threading.Event(), threading.Event()

    def slow(chat: UUID, after: int) -> Any:
        begun.set()
        go.wait(TIMEOUT)
        return original(chat, after)

    monkeypatch.setattr(selectors, "chat_change", slow)
    hub.watch_chat(Viewer(), chat)
    leaving, staying = (asyncio.create_task(hub.chat_change(chat, 1)) for _ in range(2))
    await until(begun.is_set)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    go.set()
    assert await staying is not None


async def test_what_one_viewer_finds_out_by_reading_the_others_are_told(hub: Hub, user: UUID, chat: UUID) -> None:
    idle, reader = Viewer(), Viewer()
    for viewer in (idle, reader):
        hub.watch_chat(viewer, chat)
        hub.watch_list(viewer, user)
    version = await renamed(user, chat)
    await hub.chat_change(chat, 1)
    await hub.list_change(user, 1)
    assert (idle.chats, idle.lists) == ([chat], 1)
    # And so the note that comes late has nothing to add.
    hub.heard(Move(chats={chat: version}, users={user: 2}))
    assert (idle.chats, idle.lists) == ([chat], 1)


async def test_what_nobody_told_of_is_found_out(
    hub: Hub, user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONCILE", 0.01)
    async with reading(hub, user, chat) as reader:
        await until(lambda: reader.of("chat.snapshot"))
        hub.start()
        await renamed(user, chat, "Unheard of")
        await until(lambda: reader.of("chat.changed"))
        await until(lambda: reader.of("chats.changed"))
        assert reader.state.chats[str(chat)]["title"] == "Unheard of"


async def test_looking_at_everything_goes_on_after_a_database_that_failed(
    hub: Hub, user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONCILE", 0.01)
    original, failures = selectors.versions, 0

    def fail(chats: Any) -> dict[UUID, int]:
        nonlocal failures
        if failures < 2:
            failures += 1
            raise OperationalError("gone")
        return original(chats)

    async with reading(hub, user, chat) as reader:
        await until(lambda: reader.of("chat.snapshot"))
        await renamed(user, chat)
        monkeypatch.setattr(selectors, "versions", fail)
        hub.start()
        await until(lambda: reader.of("chat.changed"))
    assert failures == 2


async def test_a_hub_forgets_what_nobody_looks_at(hub: Hub, user: UUID, chat: UUID) -> None:
    viewer = Viewer()
    hub.watch_chat(viewer, chat)
    hub.watch_list(viewer, user)
    hub.heard(Move(chats={chat: 5}, users={user: 5}))
    assert (hub.chat_version(chat), hub.list_version(user)) == (5, 5)
    hub.leave_chat(viewer, chat)
    hub.leave_list(viewer, user)
    assert (hub.chat_version(chat), hub.list_version(user)) == (0, 0)
    assert await hub.chat_change(chat, 1) is None
    assert (await hub.list_change(user, 1)).chats == []
    assert (hub._chats, hub._lists) == ({}, {})


async def test_a_database_that_says_nothing_holds_up_nobody_and_is_asked_once(
    hub: Hub, user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_WITHIN", 0.02)
    monkeypatch.setattr(module, "READ_KEPT", 0.01)
    answers, change, asked = threading.Event(), selectors.chat_change, 0

    def silent(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        assert answers.wait(TIMEOUT)
        return change(*args)

    monkeypatch.setattr(selectors, "chat_change", silent)
    async with reading(hub, user, chat):
        await in_database(edit_chat, user_id=user, chat_id=chat, title="New")
        hub.heard(Move(chats={chat: 2}))
        for _ in range(4):
            with pytest.raises(Unavailable):
                await hub.chat_change(chat, 1)
        # Who opens the chat has nothing else to do meanwhile.
        opening = asyncio.create_task(hub.chat_change(chat, 1, patient=True))
        done, _ = await asyncio.wait({opening}, timeout=5 * module.READ_WITHIN)
        assert not done
        assert asked == 1
        answers.set()
        async with asyncio.timeout(TIMEOUT):
            while True:
                try:
                    found = await hub.chat_change(chat, 1)
                    break
                except Unavailable:
                    continue
    assert found is not None
    assert found.version == 2
    assert await opening == found
