"""How long it takes to open a chat while a hundred others stream: by socket to its snapshot, by HTTP to its page.

    .venv/bin/python -m bench.opening              100 chats, 20 tokens a second each, 50 openings of either kind
    .venv/bin/python -m bench.opening --chats 10

Everything runs on loopback, in processes of its own: a model's server, the service on a new SQLite file, a client that
reads all the streams, and this one, which does nothing but measure. It takes half a minute, and ends with 1 when an
opening under load takes more than twice as long as on the idle server, at the median.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.fakes.upstream import directive  # noqa: E402  # tests' people need the settings
from tests.people import Person, new_person  # noqa: E402
from tests.process import ROOT  # noqa: E402
from tests.server import ServerProcess  # noqa: E402
from tests.state import Frame  # noqa: E402
from tests.wire import Wire  # noqa: E402

OPENINGS = 50
MESSAGES = 50
"""In the chat that is opened: a whole page."""
PER_SOCKET = 25
"""Streaming chats on one socket of the load."""
PAUSE = 0.02
"""Seconds between openings, so that they meet the load at different moments."""
LONGEST = 120
"""Seconds that a stream goes on if nobody ends it."""
TARGET = 2.0


@dataclass(frozen=True)
class Figures:
    """How long openings took, in milliseconds."""

    socket: Sequence[float]
    http: Sequence[float]


@contextlib.contextmanager
def model() -> Iterator[str]:
    """A model's server in a process of its own; its base URL."""
    command = [sys.executable, "-m", "tests.fakes.upstream"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


@contextlib.contextmanager
def load(person: Person, chats: int, rate: float) -> Iterator[None]:
    """A process that has so many replies streamed to it, from when all of them do."""
    asked = {"port": person.server.port, "session": person.session, "chats": chats, "rate": rate}
    command = [sys.executable, "-m", "bench.opening", "--load", json.dumps(asked)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "streaming\n"
            yield
            assert process.poll() is None, "the load ended before the measurement"
        finally:
            process.kill()


async def stream(port: int, session: str, chats: int, rate: float) -> None:
    """The load: read everything, confirm it, and do nothing with it."""
    server = ServerProcess()
    server.port = port
    person = Person(server, "", session)
    counts = [min(PER_SOCKET, chats - begun) for begun in range(0, chats, PER_SOCKET)]
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(Wire(person)) for _ in counts]
        for wire, count in zip(wires, counts, strict=True):
            for _ in range(count):
                chat = await person.new_chat("a streaming chat")
                await wire.ask("chat.open", chat=chat)
                text = directive(tokens=int(LONGEST * rate), rate=rate)
                await wire.ask("message.send", chat=chat, text=text, client_id="m")
        for wire, count in zip(wires, counts, strict=True):
            await wire.until(functools.partial(_all_stream, wire, count))
        print("streaming", flush=True)
        for wire in wires:
            # Kept frames would make this process slower and slower.
            wire.frames = Forgetful(wire.frames)
        await asyncio.sleep(LONGEST)


def _all_stream(wire: Wire, count: int) -> bool:
    return len({frame["run"] for frame in wire.frames if frame["type"] == "run.events"}) == count


class Forgetful(list[Frame]):
    """Frames of which only the number is kept, because `received` says it."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        super().__init__()
        self._count = len(frames)

    def append(self, frame: Frame, /) -> None:
        self._count += 1

    def __len__(self) -> int:
        return self._count


async def filled_chat(person: Person) -> str:
    """A chat with a page of messages, none of them being written."""
    chat = await person.new_chat("the one that is opened")
    for number in range(MESSAGES // 2):
        body = {"text": directive(tokens=40), "client_id": f"{number}"}
        await person.api("POST", f"chats/{chat}/messages", body)
        while (await person.api("GET", f"chats/{chat}"))["live"]:
            await asyncio.sleep(0.01)
    return chat


async def measure(person: Person, chat: str) -> Figures:
    """Open the chat by socket and by HTTP, in turns."""
    by_socket, by_http = [], []
    async with page_reader(person, chat) as read, Wire(person) as wire:
        for _ in range(OPENINGS):
            await asyncio.sleep(PAUSE)
            began = time.perf_counter()
            opening = await wire.post("chat.open", chat=chat)
            await wire.until(functools.partial(_snapshot_came, wire))
            by_socket.append(1000 * (time.perf_counter() - began))
            assert (await wire.answer(opening))["resumed"] is False
            assert len(wire.frames[-1]["messages"]) == MESSAGES
            await wire.ask("chat.close", chat=chat)
            await asyncio.sleep(PAUSE)
            began = time.perf_counter()
            body = read()
            by_http.append(1000 * (time.perf_counter() - began))
            assert len(json.loads(body)["messages"]) == MESSAGES
    return Figures(by_socket, by_http)


@contextlib.asynccontextmanager
async def page_reader(person: Person, chat: str) -> AsyncIterator[Callable[[], bytes]]:
    """A function that gets the newest page over one connection, as a browser does."""
    connection = http.client.HTTPConnection("127.0.0.1", person.server.port, timeout=30)

    def read() -> bytes:
        connection.request("GET", f"/api/chats/{chat}/messages", headers=person.headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == HTTPStatus.OK, body
        return body

    try:
        yield read
    finally:
        connection.close()


def _snapshot_came(wire: Wire) -> bool:
    return bool(wire.frames[-1]["type"] == "chat.snapshot")


def report(idle: Figures, loaded: Figures, chats: int, rate: float) -> bool:
    """Print the figures; whether the target is met."""
    print(f"Opening a chat of {MESSAGES} messages, {OPENINGS} times each, in milliseconds:\n")
    print(f"{'':10}{'idle':>16}{f'{chats} × {rate:g}/s':>20}")
    print(f"{'':10}{'median':>8}{'p99':>8}{'median':>12}{'p99':>8}{'ratio':>9}")
    met = True
    for name, before, after in (("socket", idle.socket, loaded.socket), ("HTTP", idle.http, loaded.http)):
        medians = statistics.median(before), statistics.median(after)
        slowest = [statistics.quantiles(each, n=100, method="inclusive")[-1] for each in (before, after)]
        ratio = medians[1] / medians[0]
        met = met and ratio <= TARGET
        print(f"{name:10}{medians[0]:8.1f}{slowest[0]:8.1f}{medians[1]:12.1f}{slowest[1]:8.1f}{ratio:9.2f}")
    print(f"\nAt most {TARGET:g} times idle at the median: {'met' if met else 'missed'}.")
    return met


async def run(chats: int, rate: float) -> bool:
    with model() as base_url, ServerProcess(env={"OPENAI_BASE_URL": base_url}) as server:
        reader, streamer = new_person(server), new_person(server)
        chat = await filled_chat(reader)
        await measure(reader, chat)  # the first ones warm things up, and do not count
        idle = await measure(reader, chat)
        with load(streamer, chats, rate):
            loaded = await measure(reader, chat)
    return report(idle, loaded, chats, rate)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.opening", description=__doc__)
    parser.add_argument("--chats", type=int, default=100)
    parser.add_argument("--rate", type=float, default=20.0, help="tokens a second of each chat")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        asyncio.run(stream(**json.loads(arguments.load)))
        return 0
    return 0 if asyncio.run(run(arguments.chats, arguments.rate)) else 1


if __name__ == "__main__":
    sys.exit(main())
