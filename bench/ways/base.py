"""What every way can do, so that all are measured by the same lines."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Self

from bench import machine
from bench.upstream import TOKEN, age, now, stamps
from tests.process import ROOT, clean_environment

START_WITHIN = 60.0
"""Seconds; the first start of all collects the static files."""


class Meter:
    """What has arrived at the clients of one way. Streams have indexes; with several tabs each tab is a stream."""

    def __init__(self) -> None:
        self.characters: dict[int, int] = {}
        self.latencies: list[float] = []
        """Seconds from a token's stamp to its arrival, of all tokens since `begin`."""
        self.first_at = 0.0
        """When the first text of all arrived, in the time of `time.monotonic`; 0 before."""
        self.ended = 0
        """Replies whose end has arrived."""
        self.failed = 0
        """Replies that ended with an error."""
        self.frames = 0

    @property
    def delivered(self) -> int:
        """Tokens that have arrived."""
        return sum(self.characters.values()) // TOKEN

    @property
    def tokens(self) -> dict[int, int]:
        """The same by stream."""
        return {index: count // TOKEN for index, count in self.characters.items()}

    def begin(self) -> None:
        """From now on count latencies anew."""
        self.latencies = []

    def arrived(self, index: int, text: str) -> None:
        """Some text of a stream has come."""
        self.first_at = self.first_at or time.monotonic()
        self.characters[index] = self.characters.get(index, 0) + len(text)
        if len(text) % TOKEN == 0:
            at = now()
            self.latencies.extend(age(stamp, at) for stamp in stamps(text))


class Way(ABC):
    """One way, and its process. `async with` starts and ends it.

    `connect` opens streams that idle, `ask` lets one of them stream, `disconnect` closes all of them.
    """

    name: str
    title: str
    sends = True
    """Whether anything goes out to clients at all."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        """Of the model's server."""
        self.meter = Meter()
        self.process: subprocess.Popen[bytes] | None = None
        self.log: IO[bytes] | None = None

    async def __aenter__(self) -> Self:
        try:
            with machine.starting_on(machine.MEASURED):
                await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.disconnect()
        await self.stop()

    @property
    def pid(self) -> int:
        """Of the process that is measured."""
        assert self.process is not None
        return self.process.pid

    def cpu(self) -> float:
        """Seconds of CPU that what is measured has used."""
        return machine.cpu(self.pid)

    @abstractmethod
    async def start(self) -> None:
        """Start the process; returns once it answers."""

    async def stop(self) -> None:
        """End it."""
        end(self.process)
        self.process = None
        if self.log is not None:
            self.log.close()

    @abstractmethod
    async def connect(self, count: int) -> None:
        """Open `count` streams, numbered from 0, on a fresh `meter`."""

    @abstractmethod
    async def ask(self, index: int, question: str) -> None:
        """Let a stream begin."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close all streams."""

    async def restart(self) -> None:
        """A new process in place of one that has too much to do."""
        end(self.process)
        await self.disconnect()
        await self.stop()
        with machine.starting_on(machine.MEASURED):
            await self.start()

    async def begin(self) -> None:
        """From now on count latencies anew."""
        self.meter.begin()

    async def report(self) -> Meter:
        """What has arrived so far."""
        return self.meter


def free_port() -> int:
    """A port of loopback that nobody has just now."""
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def spawn(
    *arguments: str, env: Mapping[str, str], stdin: int = subprocess.DEVNULL, stdout: int | None = None
) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """A Python process with these arguments in an environment without the caller's settings, and its log."""
    log = tempfile.TemporaryFile(prefix="polylogue-bench-")  # noqa: SIM115  # it lives as long as the process
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean_environment(OPENAI_API_KEY="none", **env),
        stdin=stdin,
        stdout=log if stdout is None else stdout,
        stderr=log,
    )
    return process, log


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    """Return once somebody listens; raises `RuntimeError` with the log where the process ends before."""
    deadline = time.monotonic() + START_WITHIN
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read().decode(errors='replace')}")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Kill a process, and wait until it is gone."""
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
