"""Clients that are cut off, roam between workers, and ask two workers at once: they end like one that never was cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import (
    SIGNED_OUT,
    WHOLE,
    Asked,
    Roamer,
    Watcher,
    all_agree,
    ask,
    assert_calm,
    assert_ended_once,
    assert_in_full,
    at,
    ended,
    seeds,
    watching,
)
from tests.people import Person, new_person, script
from tests.scenario import Scenario
from tests.state import text_of
from tests.wire import RefusedCommand, Wire

pytestmark = pytest.mark.timeout(40 * TIMEOUT if WHOLE else 6 * TIMEOUT)
WAVE = 20
"""Clients of one scenario."""


async def play(person: Person, chats: list[str]) -> None:
    async with Wire(person) as wire:
        for chat in chats:
            await wire.ask("chat.open", chat=chat)
        await Scenario(person, chats[0], chats[1], wire).play()


async def test_a_client_cut_anywhere_and_reopened_anywhere_ends_like_one_that_never_was(calm: Cluster) -> None:
    numbers = seeds(200, 40)
    cut = 0
    for wave in (numbers[start : start + WAVE] for start in range(0, len(numbers), WAVE)):
        person = new_person(calm.workers[0])
        chats = [await person.new_chat(), await person.new_chat()]
        steady = [Watcher(at(person, worker), chats) for worker in calm.workers]
        roamers = []
        for seed in wave:
            chance = random.Random(seed)  # noqa: S311  # keeps no secret
            cuts = [chance.randint(1, 50), *(chance.randint(1, 25) for _ in range(4))]
            pauses = [chance.choice([0.0, 0.01, 0.1, 0.5]) for _ in cuts]
            roamers.append(Roamer(person, calm.workers, chats, cuts=cuts, pauses=pauses, seed=seed))
        async with watching(*steady, *roamers):
            await play(person, chats)
            await all_agree(person, *steady, *roamers)
        cut += sum(len(roamer.cut_after) for roamer in roamers)
    assert cut > len(numbers)
    assert_calm(calm)


async def test_one_message_sent_to_two_workers_at_once_is_posted_once(calm: Cluster) -> None:
    person = new_person(calm.workers[0])
    for _ in seeds(50, 10):
        chat = await person.new_chat()
        body = {"client_id": "the same", "text": script(words=5)}
        sent = await asyncio.gather(
            *(
                at(person, worker).api("POST", f"chats/{chat}/messages", body)
                for worker in calm.workers
                for _ in range(2)
            )
        )
        assert all(each == sent[0] for each in sent)
        reply = await ended(person, Asked(chat, sent[0]["reply"], sent[0]["run"]))
        assert_in_full(text_of(reply), 5)
        page = await person.api("GET", f"chats/{chat}/messages")
        assert [message["role"] for message in page["messages"]] == ["user", "assistant"]


async def test_of_two_messages_sent_to_two_workers_at_once_one_is_told_that_the_chat_is_busy(calm: Cluster) -> None:
    person = new_person(calm.workers[0])

    async def send(wire: Wire, chat: str) -> Any:
        try:
            return await wire.ask("message.send", chat=chat, text=script(words=3, hang_after=3), client_id=uuid4().hex)
        except RefusedCommand as refused:
            return refused.code

    async with Wire(person) as here, Wire(at(person, calm.workers[1])) as there:
        for _ in seeds(50, 10):
            chat = await person.new_chat()
            answers = await asyncio.gather(send(here, chat), send(there, chat))
            (refused,) = [answer for answer in answers if answer == "chat_busy"]
            (sent,) = [answer for answer in answers if answer != refused]
            await there.ask("run.stop", run=sent["run"])
            assert (await ended(person, Asked(chat, sent["reply"], sent["run"])))["status"] == "stopped"


async def test_stop_from_either_worker_racing_the_start_and_the_finish_leaves_one_end(calm: Cluster) -> None:
    person = new_person(calm.workers[0])
    numbers = seeds(200, 40)
    ends: Counter[str] = Counter()
    for wave in (numbers[start : start + WAVE] for start in range(0, len(numbers), WAVE)):
        chats = [await person.new_chat() for _ in wave]
        watchers = [Watcher(at(person, worker), chats) for worker in calm.workers]

        async def race(seed: int, chat: str) -> Asked:
            chance = random.Random(seed)  # noqa: S311  # keeps no secret
            owner = at(person, chance.choice(calm.workers))
            # Some at once, before the run's task begins; some about when the last word comes, or when it has come.
            if seed % 4 == 0:
                asked = await ask(owner, chat, words=20, delay=0.01)
                await ended(owner, asked)
            else:
                # Long ones are stopped, however late this machine gets to it.
                asked = await ask(owner, chat, words=chance.choice([20, 500]), delay=0.01)
                await asyncio.sleep(chance.choice([0.0, chance.uniform(0, 0.05), chance.uniform(0.15, 0.45)]))
            for worker in chance.sample(calm.workers, chance.randint(1, 2)):
                await at(person, worker).api("POST", f"runs/{asked.run}/stop")
            return asked

        async with watching(*watchers):
            asked = await asyncio.gather(*(race(seed, chat) for seed, chat in zip(wave, chats, strict=True)))
            for run in asked:
                await ended(person, run)
            await all_agree(person, *watchers)
        ends.update(assert_ended_once(calm, run) for run in asked)
    assert ends.keys() == {"stopped", "completed"}


async def test_a_client_that_leaves_between_message_and_ack_finds_it_posted_or_not_at_all(calm: Cluster) -> None:
    person = new_person(calm.workers[0])
    posted = 0
    for seed in seeds(60, 15):
        chance = random.Random(seed)  # noqa: S311  # keeps no secret
        chat = await person.new_chat()
        with contextlib.suppress(ConnectionClosed):
            async with Wire(person) as wire:
                await wire.post("message.send", chat=chat, text=script(words=10, delay=0.002), client_id="m")
                await asyncio.sleep(chance.choice([0, 0.001, 0.005, 0.02]))
                wire.cut()
        elsewhere = at(person, calm.workers[1])
        page = (await elsewhere.api("GET", f"chats/{chat}/messages"))["messages"]
        posted += bool(page)
        # What was typed is sent again, as the page does: it is there once, whatever became of it before.
        body = {"client_id": "m", "text": script(words=10, delay=0.002)}
        sent = await elsewhere.api("POST", f"chats/{chat}/messages", body)
        reply = await ended(elsewhere, Asked(chat, sent["reply"], sent["run"]))
        assert_in_full(text_of(reply), 10)
        page = (await elsewhere.api("GET", f"chats/{chat}/messages"))["messages"]
        assert [message["client_id"] for message in page] == ["m", None]
    assert posted > 0
    assert_calm(calm)


async def test_a_request_that_is_given_up_is_answered_all_the_same_or_was_never_posted(calm: Cluster) -> None:
    person = new_person(calm.workers[0])
    elsewhere = at(person, calm.workers[1])
    host, port = "127.0.0.1", calm.workers[0].port
    posted = 0
    for seed in seeds(40, 10):
        chance = random.Random(seed)  # noqa: S311  # keeps no secret
        chat = await person.new_chat()
        body = '{"client_id": "m", "text": "/script {\\"words\\": 4}"}'
        head = "".join(f"{name}: {value}\r\n" for name, value in person.headers.items())
        request = f"POST /api/chats/{chat}/messages HTTP/1.1\r\nHost: {host}:{port}\r\n{head}"
        _, writer = await asyncio.open_connection(host, port)
        writer.write(f"{request}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        await asyncio.sleep(chance.choice([0, 0.001, 0.005, 0.02, 0.1]))
        writer.transport.abort()
        page = (await elsewhere.api("GET", f"chats/{chat}/messages"))["messages"]
        posted += bool(page)
        sent = await person.api("POST", f"chats/{chat}/messages", {"client_id": "m", "text": script(words=4)})
        if page:
            assert [message["id"] for message in page] == [sent["message"], sent["reply"]]
        assert_in_full(text_of(await ended(person, Asked(chat, sent["reply"], sent["run"]))), 4)
        page = (await elsewhere.api("GET", f"chats/{chat}/messages"))["messages"]
        assert [message["client_id"] for message in page] == ["m", None]
    assert posted > 0
    assert_calm(calm)


@pytest.mark.parametrize("of_run", ["past", "future", "negative", "unknown", "of another chat"])
async def test_cursors_that_lead_nowhere_get_a_snapshot_and_never_a_part(calm: Cluster, of_run: str) -> None:
    person = new_person(calm.workers[0])
    elsewhere = at(person, calm.workers[1])
    chat, other = await person.new_chat(), await person.new_chat()
    asked = await ask(person, chat, words=100_000, delay=0.01)
    beside = await ask(person, other, words=100_000, delay=0.01)
    watcher = Watcher(elsewhere, [chat, other])
    async with watching(watcher):
        await watcher.has_seen(asked.reply, 20)
        await watcher.has_seen(beside.reply, 20)
    version = watcher.state.open[chat].version
    wrong: dict[str, dict[str, int]] = {
        "past": {asked.run: 0},
        "future": {asked.run: 10_000_000},
        "negative": {asked.run: -1},
        "unknown": {str(UUID(int=7)): 1},
        "of another chat": {asked.run: 1, beside.run: 1},
    }
    async with Wire(elsewhere) as wire:
        ack = await wire.ask("chat.open", chat=chat, version=version, runs=wrong[of_run])
        # Only what was really there can be gone on from.
        assert ack["resumed"] is (of_run == "past")
        kind = "run.events" if ack["resumed"] else "chat.snapshot"
        frame = await wire.frame(kind)
        shown = [each["type"] for each in wire.frames if each["type"] in ("run.events", "chat.snapshot")]
        assert shown[0] == kind
        if ack["resumed"]:
            assert frame["after"] == 0
        await wire.ask("run.stop", run=asked.run)
        await wire.ask("run.stop", run=beside.run)
    await ended(person, asked)


@pytest.mark.parametrize("wrong", [-1, 0, 10_000_000])
async def test_a_version_that_never_was_gets_a_snapshot(calm: Cluster, wrong: int) -> None:
    person = new_person(calm.workers[0])
    chat = await person.new_chat()
    async with Wire(at(person, calm.workers[1])) as wire:
        assert (await wire.ask("chat.open", chat=chat, version=wrong))["resumed"] is False
        await wire.frame("chat.snapshot")


async def test_signing_out_at_one_worker_closes_the_persons_sockets_at_the_other_and_nobody_elses(
    calm: Cluster,
) -> None:
    here, there = calm.workers
    person, bystander = new_person(here), new_person(here)
    chat = await person.new_chat()
    asked = await ask(person, chat, words=100_000, delay=0.01)
    async with Wire(at(person, there)) as wire, Wire(at(bystander, there)) as beside:
        await wire.ask("chat.open", chat=chat)
        await wire.frame("run.events")
        assert (await asyncio.to_thread(person.sign_out)).status in (200, 302)
        assert await wire.close_code(SIGNED_OUT) == 4401
        assert await beside.ask("chat.create", client_id="c")
        assert not beside.closed.done()
    calm.workers[0].execute("UPDATE chat_run SET stop_requested = true WHERE id = %s", asked.run)
