"""What the fault tests share: how long things may take, clients that watch and roam, and a look at how it all ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

import psutil
import pytest
import redis

from chat import hub
from chat.agents.scripted import numbered_words
from chat.runs import heartbeat
from chat.runs.log.redis import ENDED
from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults import hurried
from tests.faults.http_reader import HttpReader
from tests.follower import Follower, comparable, following, fresh_state, settled
from tests.people import Person, script
from tests.server import ServerProcess
from tests.state import Frame, State, text_of

WHOLE = os.environ.get("FAULTS") == "whole"
"""`make faults`: the real leases, and many seeds."""
LEASE = heartbeat.LEASE if WHOLE else hurried.LEASE
"""Seconds of silence after which a worker counts as dead."""
TAKEN = LEASE + TIMEOUT
"""Seconds within which its runs have ended: 45 with the real lease."""
RECONCILE = hub.RECONCILE if WHOLE else hurried.RECONCILE
"""Seconds after which a worker knows what no note told it."""
SIGNED_OUT = 5.0
"""Seconds after which nobody is told anything by a socket of who has signed out: it is closed."""
ENV = {} if WHOLE else {"DJANGO_SETTINGS_MODULE": "tests.faults.hurried"}
"""Of every worker."""
MANY = 10
"""Answers to who reads by HTTP, about chats in which a reply was being written, of which one must have said so: some
come from a worker whose Redis or Postgres is away."""
TAKEOVER = "was taken from a silent worker"
"""What a worker says of each run that it takes."""


def seeds(whole: int, short: int) -> range:
    """So many seeds, from one that is printed; SEED sets it."""
    first = int(os.environ.get("SEED") or random.randrange(1_000_000))  # noqa: S311  # keeps no secret
    count = whole if WHOLE else short
    print(f"seeds {first} to {first + count - 1}; again with SEED={first}")  # noqa: T201  # pytest shows it on failure
    return range(first, first + count)


def at(person: Person, worker: ServerProcess) -> Person:
    """The same person, at another worker."""
    return replace(person, server=worker)


def words_in(text: str) -> int:
    return len(text.split())


class Watcher(Follower):
    """A client that also remembers everything that it was ever shown, and objects when any of it goes away."""

    def __init__(self, person: Person, chats: Iterable[str], **options: Any) -> None:
        super().__init__(person, chats, **options)
        self.texts: dict[str, str] = {}
        """The longest text of each reply that was shown."""
        self.reader: HttpReader | None = None
        """Who reads the same by HTTP while this one watches."""

    @property
    def servers(self) -> Sequence[ServerProcess]:
        """Where it is, or may be."""
        return [self.person.server]

    def _handle(self, frame: Frame) -> None:
        super()._handle(frame)
        for chat in self.state.open.values():
            for message in chat.messages.values():
                if message["role"] != "assistant" or message.get("clipped"):
                    continue
                text, before = text_of(message), self.texts.get(message["id"], "")
                if not text.startswith(before):
                    self.faults.append(f"{before[-80:]!r} became {text[-80:]!r} with {json.dumps(frame)[:300]}")
                self.texts[message["id"]] = text

    def written(self, chat: str) -> bool:
        """Whether it is shown a reply in this chat that has said something and has not ended."""
        known = self.state.open.get(chat)
        replies = [message for message in known.messages.values() if message["role"] == "assistant"] if known else []
        return any(reply["status"] == "streaming" and text_of(reply) for reply in replies)

    async def has_seen(self, reply: str, words: int) -> None:
        """Wait until so many words of a reply are shown."""
        await self.until(lambda _: words_in(self.texts.get(reply, "")) >= words)


class Roamer(Watcher):
    """A client behind a balancer: each connection and request may go to another worker."""

    def __init__(self, person: Person, workers: Sequence[ServerProcess], chats: Iterable[str], **options: Any) -> None:
        self._workers = workers
        self._chance = random.Random(options.pop("seed", 0))  # noqa: S311  # keeps no secret
        self._home = person
        super().__init__(person, chats, **options)

    @property
    def person(self) -> Person:
        return at(self._home, self._chance.choice(self._workers))

    @person.setter
    def person(self, person: Person) -> None:
        self._home = person

    @property
    def servers(self) -> Sequence[ServerProcess]:
        return self._workers


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that was posted."""

    chat: str
    reply: str
    run: str


async def ask(person: Person, chat: str, client_id: str = "", **fields: Any) -> Asked:
    """Post a message that commands the scripted agent."""
    body = {"client_id": client_id or uuid4().hex, "text": script(**fields)}
    sent = await person.api("POST", f"chats/{chat}/messages", body)
    return Asked(chat, sent["reply"], sent["run"])


async def reply_of(person: Person, asked: Asked) -> dict[str, Any]:
    """The reply as it is now."""
    message: dict[str, Any] = await person.api("GET", f"chats/{asked.chat}/messages/{asked.reply}")
    return message


async def until(condition: Callable[[], Awaitable[Any] | Any], what: str, within: float = 2 * TIMEOUT) -> Any:
    """Wait until `condition` is true and return what it says; fails with `what` was waited for."""
    try:
        async with asyncio.timeout(within):
            while True:
                found = condition()
                if isinstance(found, Awaitable):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited {within:.0f} s for {what}")


async def ended(person: Person, asked: Asked, within: float = 2 * TIMEOUT) -> dict[str, Any]:
    """The reply, once its run has ended. A worker that cannot say just now is asked again."""

    async def done() -> dict[str, Any] | None:
        answer = await asyncio.to_thread(person.call, "GET", f"chats/{asked.chat}/messages/{asked.reply}")
        assert answer.status in (200, 503), answer
        message: dict[str, Any] = json.loads(answer.body)
        return message if answer.status == 200 and message["status"] != "streaming" else None

    found: dict[str, Any] = await until(done, f"the end of run {asked.run}", within)
    return found


@contextlib.asynccontextmanager
async def watching(*watchers: Watcher) -> AsyncIterator[None]:
    """All of them follow until the block ends, and beside them somebody reads by HTTP what each person watches; none of
    them may have been told anything wrong."""
    readers = []
    for person in {watcher.person.id: watcher.person for watcher in watchers}.values():
        theirs = [watcher for watcher in watchers if watcher.person.id == person.id]
        servers = list(dict.fromkeys(server for watcher in theirs for server in watcher.servers))
        chats = list(dict.fromkeys(chat for watcher in theirs for chat in watcher.wanted))
        reader = HttpReader(person, servers, chats, partial(_written, theirs))
        for watcher in theirs:
            watcher.reader = reader
        readers.append(reader)
    async with following(*watchers), following(*readers):
        await asyncio.gather(*(watcher.until(_all_ready) for watcher in watchers))
        yield
    faults = [fault for watcher in watchers for fault in watcher.faults]
    assert not faults, faults
    for reader in readers:
        assert not reader.faults, reader.faults
        print(f"by HTTP in the middle of a reply: {reader.midway}, of {reader.chances}")  # noqa: T201  # worth knowing
        assert reader.midway > 0 or reader.chances < MANY


def _written(watchers: Sequence[Watcher], chat: str) -> bool:
    # All of them, since one may be far behind.
    return all(watcher.written(chat) for watcher in watchers)


def _all_ready(state: State) -> bool:
    return bool(state.open) and all(chat.ready for chat in state.open.values())


async def all_agree(person: Person, *watchers: Watcher) -> None:
    """Every client ends with the state of one that has just come, so does who reads by HTTP, and none of them was told
    anything wrong on the way."""
    await settled(person, *watchers)
    # Now, since who is still cut now and then may be away when the newcomer is done.
    states = [comparable(watcher.state) for watcher in watchers]
    fresh = await fresh_state(person, watchers[0].wanted)
    for number, (watcher, state) in enumerate(zip(watchers, states, strict=True)):
        assert not watcher.faults, f"client {number} of {len(watchers)}: {watcher.faults}"
        wrong = list(differences(state, fresh))
        last = watcher.cut_after[-1] if watcher.cut_after else None
        assert not wrong, f"client {number} of {len(watchers)}, last cut after {last}: {wrong}"
    for reader in {watcher.reader for watcher in watchers}:
        assert reader is not None
        await reader.agrees({chat: known["messages"] for chat, known in fresh["open"].items()})


def differences(found: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Where two values of JSON are not the same."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in found.keys() | expected.keys():
            yield from differences(found.get(key), expected.get(key), f"{path}.{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif found != expected:
        yield f"{path}: {str(found)[-200:]!r} is not {str(expected)[-200:]!r}"


def gone(pid: int) -> bool:
    """Whether the process is no more."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def stopped(pid: int) -> bool:
    """Whether the process stands still."""
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def takeovers(cluster: Cluster, run: str) -> int:
    """How often some worker says that it took this run."""
    lines = [line for worker in cluster.workers for line in worker.log.splitlines()]
    return sum(TAKEOVER in line and run in line for line in lines)


def was_refused(owner: ServerProcess, asked: Asked) -> bool:
    """Whether a worker says that it found a run of its own ended by another."""
    return any(asked.run in line and "was ended by another" in line for line in owner.log.splitlines())


def logged(cluster: Cluster, run: str) -> list[tuple[int, dict[str, Any]]]:
    """The events of a run in Redis, with their seqs."""
    with cluster.valkey.client() as client:
        entries: Any = client.xrange(f"polylogue:run:{run}:events")
    return [(int(entry.split(b"-")[0]), json.loads(fields[b"e"])) for entry, fields in entries]


def forget_ended(cluster: Cluster) -> None:
    """Let Redis forget now what it would forget in the next two minutes."""
    with cluster.valkey.client() as client:
        for key in client.keys("polylogue:run:*"):
            if client.ttl(key) <= ENDED:
                client.delete(key)


def run_row(cluster: Cluster, run: str) -> tuple[str, int]:
    """The status of a run and its last seq."""
    ((status, last_seq),) = cluster.workers[0].execute("SELECT status, last_seq FROM chat_run WHERE id = %s", run)
    return status, last_seq


def assert_ended_once(cluster: Cluster, asked: Asked) -> str:
    """Row, message and log of a run agree on one end, after which nothing came; returns the run's status."""
    status, last_seq = run_row(cluster, asked.run)
    (message,) = cluster.workers[0].execute("SELECT status FROM chat_message WHERE id = %s", asked.reply)
    assert message[0] == {"completed": "complete"}.get(status, status)
    events = logged(cluster, asked.run)
    if events:
        assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
        terminal = [seq for seq, event in events if event["type"] in ("RUN_FINISHED", "RUN_ERROR")]
        assert terminal in ([], [last_seq])
        assert len(events) <= last_seq
    return str(status)


def assert_calm(cluster: Cluster) -> None:
    """No worker has anything to say that a person would have to look into."""
    for worker in cluster.workers:
        surprises = [line for line in worker.log.splitlines() if "Traceback" in line]
        assert not surprises, surprises


def assert_in_full(text: str, words: int) -> None:
    """The reply to a script of so many words, with no gap and no repeat."""
    assert text == numbered_words(words)


def redis_down(cluster: Cluster) -> bool:
    """Whether nobody answers where Redis should be."""
    with cluster.valkey.client() as client:
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.5
        try:
            client.ping()
        except redis.RedisError:
            return True
    return False
