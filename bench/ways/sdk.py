"""The bare SDK loop: a process that asks and drops. It is commanded over its stdin, and counts by itself."""

from __future__ import annotations

import asyncio
import json
import sys

from bench.upstream import TOKEN
from bench.ways.base import Meter, Way
from tests.process import ROOT, clean_environment


class BareSdk(Way):
    """Typed chunks, dropped."""

    name = "sdk"
    title = "bare SDK loop"
    sends = False

    _child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.apps.sdk"),
            cwd=ROOT,
            env=clean_environment(OPENAI_API_KEY="none", OPENAI_BASE_URL=self.base_url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 28,  # a line has the latencies of a whole window
        )
        await self._line()

    async def stop(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    async def connect(self, count: int) -> None:
        await self._command("reset")

    async def ask(self, index: int, question: str) -> None:
        await self._command(f"ask {index} {question}")

    async def disconnect(self) -> None:
        """There is nothing to close."""

    async def begin(self) -> None:
        await self._command("begin")

    async def report(self) -> Meter:
        await self._command("report")
        said = json.loads(await self._line())
        meter = Meter()
        meter.characters = {int(index): count * TOKEN for index, count in said["tokens"].items()}
        meter.latencies = said["latencies"]
        meter.ended = said["ended"]
        return meter

    async def _command(self, line: str) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.write(line.encode() + b"\n")
        await self._child.stdin.drain()

    async def _line(self) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        line = await self._child.stdout.readline()
        assert line, "the loop's process has ended"
        return line
