"""A reader that is slow, or silent, or gone costs the server cursors and not memory, and costs others nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests import TIMEOUT
from tests.fakes.upstream import Behaviour, FakeUpstream, directive, words
from tests.people import new_person
from tests.server import ServerProcess
from tests.state import shown
from tests.wire import Wire

HELD = 256 * 1024
"""Bytes that a server sends to a reader who confirms nothing."""
PATIENCE = 30.0
"""Seconds after which it gives up on one."""


def resident(pid: int) -> int:
    """The memory of a process, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.timeout(120)
async def test_a_reader_who_confirms_nothing_is_held_and_then_closed() -> None:
    async with FakeUpstream() as upstream:
        with ServerProcess(env={"OPENAI_BASE_URL": upstream.base_url}) as server:
            person = new_person(server)
            chat = await person.new_chat("named")
            async with Wire(person, confirms=False) as silent, Wire(person) as other:
                for wire in (silent, other):
                    await wire.ask("chat.open", chat=chat)
                asked = directive(tokens=100_000, burst=10)
                sent = await other.ask("message.send", chat=chat, text=asked, client_id="m")
                await silent.until(lambda: silent.size > HELD)
                held_since = time.monotonic()
                await until_ended(other, chat)
                status, whole = shown(other.frames, chat, sent["reply"])
                assert status == "complete"
                # Once more than the limit is on its way, nothing follows; the frame that crossed it is below 512 KiB.
                assert HELD < silent.size < HELD + 512 * 1024
                before = len(silent.frames)
                assert await silent.close_code(PATIENCE + TIMEOUT) == 4408
                assert time.monotonic() - held_since > PATIENCE - 2
                assert len(silent.frames) == before
            assert whole == "".join(words(Behaviour(tokens=100_000)))


@pytest.mark.timeout(120)
async def test_a_reader_who_stops_reading_costs_no_memory_and_misses_nothing() -> None:
    async with FakeUpstream() as upstream:
        # One heap of the C library for all threads: which of many a thread takes is chance, and the growth 2 to 9 MB.
        env = {"OPENAI_BASE_URL": upstream.base_url, "MALLOC_ARENA_MAX": "1"}
        with ServerProcess(env=env) as server:
            person = new_person(server)
            chats = [await person.new_chat() for _ in range(3)]
            async with Wire(person) as tab, Wire(person) as sleeper:
                for wire in (tab, sleeper):
                    for chat in chats:
                        await wire.ask("chat.open", chat=chat)
                # Replies that everybody reads: what a process needs for such ones it has from then on, 15 MB.
                for chat in chats[:2]:
                    await tab.ask("message.send", chat=chat, text=directive(tokens=50_000, burst=10), client_id="m")
                    await asyncio.gather(until_ended(tab, chat), until_ended(sleeper, chat))
                sleeper.pause()
                frames = len(tab.frames), len(sleeper.frames)
                before = resident(server.pid)
                asked = directive(tokens=100_000, rate=25_000, burst=5)
                sent = await tab.ask("message.send", chat=chats[2], text=asked, client_id="m")
                await until_ended(tab, chats[2])
                grown = resident(server.pid) - before
                sleeper.resume()
                await until_ended(sleeper, chats[2])
                for wire in (tab, sleeper):
                    whole = "".join(words(Behaviour(tokens=100_000)))
                    assert shown(wire.frames, chats[2], sent["reply"]) == ("complete", whole)
                # The text is 600 KB, with its log twice that; as 100,000 waiting frames it would be 20 MB.
                assert grown < 8 * 1024 * 1024
                # What came after the first 256 KiB came in frames of 384 KiB.
                assert len(sleeper.frames) - frames[1] < 0.8 * (len(tab.frames) - frames[0])


async def until_ended(wire: Wire, chat: str) -> None:
    """Wait for the change that ends a run of the chat."""

    def ended() -> bool:
        changes = [
            frame["change"] for frame in wire.frames if frame["type"] == "chat.changed" and frame["chat"] == chat
        ]
        return any(run["status"] != "running" for change in changes for run in change.get("runs", []))

    await wire.until(ended, within=2 * TIMEOUT)


async def test_received_may_come_late_and_twice_but_never_too_early(server: ServerProcess) -> None:
    person = new_person(server)
    async with Wire(person) as wire:
        for count in (1, 1, 0):
            await wire.confirm(count)
        await wire.confirm(10_000)
        refusal = await wire.answer(None)
        assert refusal["code"] == "invalid_command"
        assert "10000" in refusal["message"]
        chat = (await wire.ask("chat.create", client_id="c"))["chat"]["id"]
        assert (await wire.ask("chat.open", chat=chat))["resumed"] is False
