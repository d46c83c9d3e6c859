"""The main property: what a client has, plus what it is sent after it was cut off at any frame, is the state of a
client that was never cut off, and of one that has just come.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.follower import Follower, comparable, following, fresh_state, settled
from tests.people import Person, new_person, script
from tests.scenario import Scenario
from tests.server import ServerProcess
from tests.state import State
from tests.wire import Wire

WAVE = 75
"""Followers of one scenario; each is cut at another frame."""
KINDS = {"hello", "ack", "chats.changed", "chat.snapshot", "chat.changed", "run.events"}


async def play(person: Person, chats: Sequence[str]) -> None:
    """Play the scenario in two chats of this person."""
    async with Wire(person) as wire:
        for chat in chats:
            await wire.ask("chat.open", chat=chat)
        await Scenario(person, chats[0], chats[1], wire).play()


def cutter(person: Person, chats: Sequence[str], at: int) -> Follower:
    """A client that is cut at its frame `at`, and then three times more; the same ones in each run of the tests."""
    chance = random.Random(at)  # noqa: S311  # keeps no secret
    cuts = [at, *(chance.randint(1, 60) for _ in range(3))]
    return Follower(person, chats, cuts=cuts, pauses=[chance.choice([0.0, 0.01, 0.05, 0.3]) for _ in cuts])


@pytest.mark.timeout(300)
async def test_a_client_cut_at_any_frame_ends_like_one_that_never_was(server: ServerProcess) -> None:
    first, longest = 1, 1
    cut_after: Counter[str] = Counter()
    terminal = 0
    opened: Counter[bool] = Counter()
    while first <= longest:
        person = new_person(server)
        chats = [await person.new_chat("first"), await person.new_chat("second")]
        reference = Follower(person, chats)
        cutters = [cutter(person, chats, at) for at in range(first, first + WAVE)]
        async with following(reference, *cutters):
            await play(person, chats)
            await settled(person, reference, *cutters)
        fresh = await fresh_state(person, chats)
        for follower in (reference, *cutters):
            assert follower.faults == []
            assert comparable(follower.state) == fresh
            cut_after.update(frame["type"] for frame in follower.cut_after)
            events = [frame["events"] for frame in follower.cut_after if frame["type"] == "run.events"]
            terminal += sum(last[-1]["type"] in ("RUN_FINISHED", "RUN_ERROR") for last in events)
            opened += follower.opened
        # As many waves as it takes to have cut somebody at each frame that the longest-lived client got.
        longest, first = max(longest, min(reference.frames, 150)), first + WAVE
    assert cut_after.keys() >= KINDS
    assert terminal > 0
    # With everything still at hand a snapshot is the exception: only where a run has begun in that very moment.
    assert opened[True] > 5 * opened[False]


async def test_a_client_comes_back_after_the_log_is_gone_and_lacks_nothing() -> None:
    with ServerProcess(embedded=True) as server:
        person = new_person(server)
        chats = [await person.new_chat("first"), await person.new_chat("second")]
        cutters = [cutter(person, chats, at) for at in range(4, 120, 4)]
        for follower in cutters:
            follower.online.clear()
        async with following(*cutters):
            await play(person, chats)
            await settled(person)
            # In a new process nothing is left of runs that ended before but their messages.
            await asyncio.to_thread(server.terminate)
            await asyncio.to_thread(server.start)
            for follower in cutters:
                follower.online.set()
            await settled(person, *cutters)
        fresh = await fresh_state(person, chats)
        for follower in cutters:
            assert follower.faults == []
            assert comparable(follower.state) == fresh
        assert sum((follower.opened for follower in cutters), Counter())[True] > 0


async def test_a_chat_deleted_and_restored_at_once_is_still_followed(server: ServerProcess) -> None:
    person = new_person(server)
    chats = [await person.new_chat() for _ in range(3)]
    followers = [Follower(person, chats) for _ in range(3)]

    async def delete_and_undo(chat: str, number: int) -> None:
        asked = {"client_id": f"m{number}", "text": script(words=30, delay=0.001)}
        await person.api("POST", f"chats/{chat}/messages", asked)
        await person.api("DELETE", f"chats/{chat}")
        await person.api("POST", f"chats/{chat}/restore")

    async with following(*followers):
        await settled(person, *followers)
        for number in range(4):
            await asyncio.gather(*(delete_and_undo(chat, number) for chat in chats))
            await settled(person, *followers)
    fresh = await fresh_state(person, chats)
    for follower in followers:
        assert follower.faults == []
        assert comparable(follower.state) == fresh


async def test_a_reply_longer_than_a_snapshot_holds_comes_whole_to_whoever_joins_or_resumes(
    server: ServerProcess,
) -> None:
    person = new_person(server)
    chat = await person.new_chat()
    early, late = Follower(person, [chat]), Follower(person, [chat])
    resuming = [Follower(person, [chat], cuts=[at, 2, 3], pauses=[0.1, 0.1, 0.1]) for at in range(4, 16)]
    text = script(words=20_000, delay=0, hang_after=19_000)

    def has_all(state: State) -> bool:
        messages = state.open[chat].messages.values() if chat in state.open else []
        return any(part["text"].endswith(" word19000 ") for message in messages for part in message["parts"])

    async with following(early, *resuming), Wire(person) as wire:
        await settled(person, early, *resuming)
        await wire.ask("chat.open", chat=chat)
        sent = await wire.ask("message.send", chat=chat, text=text, client_id="long")
        await early.until(has_all)
        async with following(late):
            for follower in (late, *resuming):
                await follower.until(has_all)
            await wire.ask("run.stop", run=sent["run"])
            await settled(person, early, late, *resuming)
        assert wire.largest < 512 * 1024
    reply = await person.api("GET", f"chats/{chat}/messages/{sent['reply']}")
    assert reply["status"] == "stopped"
    for follower in (early, late, *resuming):
        assert follower.faults == []
        assert follower.state.open[chat].messages[sent["reply"]] == reply
