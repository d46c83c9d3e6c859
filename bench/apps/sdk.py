"""The bare SDK loop: `AsyncOpenAI` as its documentation shows it, typed chunks over its default transport, dropped.

Nobody is sent anything, so this is what most services in Python pay before they begin. Lines on stdin command it:

    ask INDEX WISH      stream a reply
    reset               forget everything so far
    begin               forget the latencies so far
    report              print a line of JSON: tokens by index, latencies in seconds, replies ended
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

from openai import AsyncOpenAI

from bench.upstream import TOKEN, age, now, stamps


class Loop:
    """All replies of the process, and what came of them."""

    def __init__(self) -> None:
        # The default allows 1,000 connections, which is what the largest load has.
        self.client = AsyncOpenAI(api_key="none")
        self.tokens: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.ended = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def answer(self, index: str, question: str) -> None:
        stream = await self.client.chat.completions.create(
            model="bench", messages=[{"role": "user", "content": question}], stream=True
        )
        async for chunk in stream:
            if chunk.choices and (text := chunk.choices[0].delta.content):
                self.tokens[index] += len(text) // TOKEN
                self.latencies.append(age(stamps(text)[0], now()))
        self.ended += 1

    def obey(self, line: str) -> None:
        command, _, rest = line.strip().partition(" ")
        if command == "ask":
            index, _, question = rest.partition(" ")
            task = asyncio.create_task(self.answer(index, question))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        elif command == "reset":
            self.tokens, self.latencies, self.ended = Counter(), [], 0
        elif command == "begin":
            self.latencies = []
        elif command == "report":
            report = {"tokens": self.tokens, "latencies": self.latencies, "ended": self.ended}
            print(json.dumps(report), flush=True)


async def main() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    loop = Loop()
    print("ready", flush=True)
    while line := await reader.readline():
        loop.obey(line.decode())


if __name__ == "__main__":
    asyncio.run(main())
