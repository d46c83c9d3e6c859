"""Notes between processes may be lost, late, twice or in any order: in the end everyone sees the same."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from chat import hub as hub_module
from chat import notes as module
from chat.database import in_database
from chat.hub import Hub
from chat.notes import Notes, _Next, tell_apart
from chat.services.announce import Move
from chat.services.chats import edit_chat
from tests import TIMEOUT
from tests.agents import Speaker, saying
from tests.chats import new_chat, new_user
from tests.reader import reading
from tests.until import until
from tests.worker import post, worker


class Layer:
    """A channel layer that does to each note what networks do. `fate` decides: how many copies, how many notes late."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.down = False
        self.deaf = False
        self.fate: Callable[[], tuple[int, int]] = lambda: (1, 0)
        self._channels: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._late: list[tuple[int, dict[str, Any]]] = []

    async def new_channel(self) -> str:
        return uuid4().hex

    async def group_add(self, group: str, channel: str) -> None:
        self._channels[channel] = asyncio.Queue()
        if self.deaf:
            raise ConnectionError

    async def group_discard(self, group: str, channel: str) -> None:
        del self._channels[channel]

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._channels[channel].get()

    async def group_send(self, group: str, note: dict[str, Any]) -> None:
        if self.down:
            raise ConnectionError
        self.sent.append(note)
        copies, late = self.fate()
        self._late += copies * [(late, note)]
        due = [each for left, each in self._late if left == 0]
        self._late = [(left - 1, each) for left, each in self._late if left > 0]
        for each in due:
            for queue in self._channels.values():
                queue.put_nowait(each)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    made = Layer()
    monkeypatch.setattr(module, "_layer", lambda: made)
    monkeypatch.setattr(module, "EVERY", 0.001)
    monkeypatch.setattr(module, "AGAIN", 0.001)
    return made


class Ears:
    """What one process heard from the others."""

    def __init__(self) -> None:
        self.moves: list[Move] = []
        self.seqs: list[dict[UUID, int]] = []
        self.notes = Notes(self.moves.append, self.seqs.append)


async def test_a_note_goes_to_the_others_and_not_to_oneself(layer: Layer) -> None:
    here, there = Ears(), Ears()
    here.notes.start()
    there.notes.start()
    await until(lambda: len(layer._channels) == 2)
    chat, user, run, stop, gone = (uuid4() for _ in range(5))
    here.notes.tell(Move(chats={chat: 3}, users={user: 4}, stops=(stop,), sessions=(gone,)))
    here.notes.tell_run(run, 9)
    await until(lambda: there.seqs)
    assert there.moves == [Move(chats={chat: 3}, users={user: 4}, stops=(stop,), sessions=(gone,))]
    assert (there.seqs, here.moves, here.notes.sent) == ([{run: 9}], [], 1)
    await here.notes.stop()
    await there.notes.stop()


async def test_within_a_note_the_newest_wins_whatever_the_order_of_telling(layer: Layer) -> None:
    here = Ears()
    chat, user, run = uuid4(), uuid4(), uuid4()
    for version in (1, 3, 2):
        here.notes.tell(Move(chats={chat: version}, users={user: 10 * version}))
        here.notes.tell_run(run, 5)
    here.notes.start()
    await until(lambda: layer.sent)
    (note,) = layer.sent
    assert (note["chats"], note["users"], note["runs"]) == ({str(chat): 3}, {str(user): 30}, {str(run): 5})
    await here.notes.stop()


async def test_a_layer_that_is_away_holds_nobody_up_and_is_listened_to_again(layer: Layer) -> None:
    here, there = Ears(), Ears()
    layer.down = True
    here.notes.start()
    there.notes.start()
    here.notes.tell(Move(chats={uuid4(): 1}))
    await until(lambda: not here.notes._some.is_set())
    layer.down = False
    chat = uuid4()
    await until(lambda: len(layer._channels) == 2)

    def told() -> bool:
        here.notes.tell(Move(chats={chat: 2}))
        return any(chat in move.chats for move in there.moves)

    await until(told)
    await here.notes.stop()
    await there.notes.stop()


async def test_a_note_of_another_version_costs_nothing_but_itself(
    layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    here = Ears()
    here.notes.start()
    await until(lambda: layer._channels)
    channels = [*layer._channels]
    chat = uuid4()
    told = _Next()
    told.add(Move(chats={chat: 1}))
    note = told.note("somebody")
    for strange in ({"from": "somebody"}, {**note, "stops": ["no id"]}, {**note, "chats": None}, note):
        await layer.group_send(module.GROUP, strange)
    await until(lambda: here.moves)
    assert here.moves == [Move(chats={chat: 1})]
    assert [*layer._channels] == channels
    assert len(caplog.messages) == 3
    assert all(message.startswith("a note was not understood") for message in caplog.messages)
    await here.notes.stop()


async def test_nothing_is_kept_for_a_channel_that_nobody_reads_any_more(layer: Layer) -> None:
    here = Ears()
    layer.deaf = True
    tries = 0

    async def count() -> str:
        nonlocal tries
        tries += 1
        return uuid4().hex

    layer.new_channel = count  # type: ignore[method-assign]
    here.notes.start()
    await until(lambda: tries >= 3)
    layer.deaf = False
    await until(lambda: len(layer._channels) == 1)
    await here.notes.stop()


async def test_a_layer_that_swallows_a_cancellation_does_not_keep_the_process_from_ending(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, add = asyncio.Event(), layer.group_add

    async def swallow(group: str, channel: str) -> None:
        connecting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", swallow)
    here = Ears()
    here.notes.start()
    async with asyncio.timeout(TIMEOUT):
        await connecting.wait()
        await here.notes.stop()


async def test_who_is_no_worker_tells_of_many_commits_in_one_thread_and_few_notes(
    layer: Layer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://is.not.asked.invalid"
    told, send = threading.Event(), layer.group_send

    async def late(group: str, note: dict[str, Any]) -> None:
        await asyncio.to_thread(told.wait, TIMEOUT)
        await send(group, note)

    monkeypatch.setattr(layer, "group_send", late)
    people, chat = [uuid4() for _ in range(100)], uuid4()
    for version, person in enumerate(people, 1):
        tell_apart(None, Move(chats={chat: version}, sessions=(person,)))
        assert len(senders()) == 1
    told.set()
    await until(lambda: not senders())
    assert len(layer.sent) <= 2
    assert layer.sent[-1]["chats"] == {str(chat): 100}
    assert {person for note in layer.sent for person in note["sessions"]} == set(map(str, people))
    # Whoever tells something later is heard as well.
    tell_apart(None, Move(chats={chat: 101}))
    await until(lambda: not senders())
    assert layer.sent[-1]["chats"] == {str(chat): 101}


async def test_who_is_no_worker_goes_on_telling_after_a_note_was_lost(layer: Layer, settings: Settings) -> None:
    settings.REDIS_URL = "redis://is.not.asked.invalid"
    layer.down = True
    tell_apart(None, Move(chats={uuid4(): 1}))
    await until(lambda: not senders())
    layer.down = False
    chat = uuid4()
    tell_apart(None, Move(chats={chat: 1}))
    await until(lambda: layer.sent)
    assert layer.sent[0]["chats"] == {str(chat): 1}
    await until(lambda: not senders())


def senders() -> list[threading.Thread]:
    """The threads that tell what a process committed that is no worker."""
    return [thread for thread in threading.enumerate() if thread.name == "note"]


@pytest.fixture
def user(transactional_db: None) -> UUID:
    return new_user()


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


@pytest.mark.parametrize("seed", range(3))
async def test_however_notes_fare_everyone_sees_the_same_in_the_end(
    user: UUID, chat: UUID, layer: Layer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(hub_module, "RECONCILE", 0.05)
    chance = random.Random(seed)  # noqa: S311  # the same fate each time
    layer.fate = lambda: (chance.choice((0, 0, 1, 1, 2)), chance.randrange(3))
    async with worker(Speaker(saying(*(f"{number} " for number in range(20))))) as runtime:
        # A second process, as far as chats are concerned: its own hub on the same log, which hears by notes alone.
        hub = Hub(runtime._log, runtime.precedence)
        notes = Notes(hub.heard, hub.feeds.heard)
        hub.start()
        notes.start()
        async with reading(runtime.hub, user, chat) as near, reading(hub, user, chat) as far:
            await until(lambda: near.of("chat.snapshot") and far.of("chat.snapshot"))
            for number in range(5):
                await in_database(edit_chat, user_id=user, chat_id=chat, title=f"Title {number}")
                posted = await post(runtime, user, chat, f"Question {number}")
                await until(lambda posted=posted: posted.run not in runtime.supervisor.live)  # type: ignore[misc]
                await in_database(edit_chat, user_id=user, chat_id=chat, archived=bool(number % 2))
            # Made at 1; five names, questions and answers, and four times put away or taken back.
            for reader in (near, far):
                await until(lambda reader=reader: reader.state.open[str(chat)].version == 20)  # type: ignore[misc]
                await until(lambda reader=reader: not reader.state.chats[str(chat)]["archived"])  # type: ignore[misc]
            assert far.state.open[str(chat)].messages == near.state.open[str(chat)].messages
            assert far.state.chats == near.state.chats
            assert (near.codes, far.codes) == ([], [])
        await notes.stop()
        await hub.stop()
