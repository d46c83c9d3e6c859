"""A Chat Completions server made for load: as many streams as there are sockets, each token stamped as it is sent.

It costs a few microseconds a token, so that what is measured is the one who reads. The last message of a request says
what is wanted (`Wish`, as JSON); any other text gets a few words at once (`TITLE`), which count for nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import time
from typing import Any, Self

import msgspec

TOKEN = 9
"""Characters of a token: its stamp, eight hexadecimal digits of microseconds, and a space. Without a line break."""
WRAP = 1 << 32
"""Stamps count microseconds modulo this: 71 minutes."""
BLOCK = 32
"""Tokens in one write at full speed."""

_PREFIX = (
    b'data: {"id":"chatcmpl-bench0123456789abcdefghij","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"bench","service_tier":"default","system_fingerprint":"fp_0123456789",'
    b'"choices":[{"index":0,"delta":{"content":"'
)
_SUFFIX = b'"},"logprobs":null,"finish_reason":null}]}\n\n'
_FIRST = (
    b'data: {"id":"chatcmpl-bench0123456789abcdefghij","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"bench","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
)
_LAST = (
    b'data: {"id":"chatcmpl-bench0123456789abcdefghij","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
_USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":%d,"total_tokens":%d}}\n\n'
_DONE = b"data: [DONE]\n\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


MARKDOWN = """\
## How the numbers are read

A ratio says more than a time: it holds on the next machine too. So each way is measured **in alternation**, and what
`taskset` would do is done here as well.

- the worker has a core of its own;
- the load has the other one.

```python
def quantile(ordered: list[float], share: float) -> float:
    # the value below which this share of them lies
    index = min(int(share * len(ordered)), len(ordered) - 1)
    return ordered[index]


for name, values in sorted(figures.items()):
    print(f"{name:<20}{quantile(values, 0.99):>10.3f} ms")
```

"""
"""Repeated for as many tokens as are wanted; four characters a token."""


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What one request gets."""

    tokens: int = 100
    rate: float = 0
    """Tokens a second; 0 is as fast as the reader takes them."""
    skip: int = 0
    """So many tokens more, at full speed, before the others: a reply that is long already."""
    wait: bool = False
    """Say nothing before `Upstream.release`: so that all have begun before any is in the way of the others."""
    hold: bool = False
    """Stay open after the last token, until `Upstream.release`."""
    markdown: bool = False
    """Prose with code blocks instead of stamps."""


TITLE = Wish(tokens=6, markdown=True)
"""What those get who ask in plain words: Polylogue, for a chat's title."""


def wish(**fields: Any) -> str:
    """The message that asks for this; raises `msgspec.ValidationError` for what is none."""
    msgspec.convert(fields, Wish)
    return json.dumps(fields)


def now() -> int:
    """The present, as stamps count it."""
    return time.monotonic_ns() // 1000 % WRAP


def age(stamp: int, at: int) -> float:
    """Seconds from a stamp to `at` (of `now`)."""
    return ((at - stamp) % WRAP) / 1e6


def stamps(text: str) -> list[int]:
    """The stamps of a text that is whole tokens."""
    return [int(part, 16) for part in text.split()]


class _Stream:
    """A reply that is sent at a rate."""

    __slots__ = ("due", "every", "finished", "left", "transport")

    def __init__(self, transport: asyncio.WriteTransport, left: int, rate: float, due: float) -> None:
        self.transport = transport
        self.left = left
        self.every = 1 / rate
        self.due = due
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        """Let whoever answers the request go on, if it is still there."""
        if not self.finished.done():
            self.finished.set_result(None)


class Upstream:
    """The server, on a free loopback port, within the event loop of whoever makes the load."""

    def __init__(self) -> None:
        self.emitted = 0
        """Stamped tokens sent since the start, to everyone."""
        self.said = 0
        """Tokens of Markdown sent since the start."""
        self.asked = 0
        """Requests with a `Wish` so far."""
        self._due: list[tuple[float, int, _Stream]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=4096, limit=1 << 24)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        """What OPENAI_BASE_URL is to be."""
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def release(self) -> None:
        """Begin the replies that wait with `wait`, and end those that wait with `hold`."""
        self._released.set()
        self._released = asyncio.Event()

    def finish(self) -> None:
        """End all replies that are sent at a rate, here and now and in good order."""
        due, self._due = self._due, []
        for _, _, stream in due:
            stream.end()

    # --- One connection -----------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (body := await _request(reader)) is not None:
                await self._answer(writer, body)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The reader is gone, or the load is over; asyncio would complain of a cancelled handler.
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        asked = body["messages"][-1]["content"]
        wanted = msgspec.json.decode(asked, type=Wish) if asked.startswith("{") else TITLE
        writer.write(_HEAD + _chunked(_FIRST))
        if wanted.markdown:
            await self._say(writer, wanted)
        else:
            self.asked += 1
            if wanted.wait:
                await self._released.wait()
            await self._rush(writer, wanted.tokens if not wanted.rate else wanted.skip)
            if wanted.rate:
                await self._flow(writer, wanted)
        if wanted.hold:
            await self._released.wait()
        if writer.is_closing():
            return
        last = _LAST
        if (body.get("stream_options") or {}).get("include_usage"):
            last += _USAGE % (wanted.tokens, wanted.tokens)
        writer.write(_chunked(last + _DONE) + b"0\r\n\r\n")
        await writer.drain()

    async def _say(self, writer: asyncio.StreamWriter, wanted: Wish) -> None:
        pieces = [MARKDOWN[index : index + 4] for index in range(0, len(MARKDOWN), 4)]
        start = time.monotonic()
        for number, piece in enumerate(itertools.islice(itertools.cycle(pieces), wanted.tokens)):
            if wanted.rate and (wait := start + number / wanted.rate - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            writer.write(_chunked(_PREFIX + json.dumps(piece)[1:-1].encode() + _SUFFIX))
            self.said += wanted is not TITLE

    async def _rush(self, writer: asyncio.StreamWriter, tokens: int) -> None:
        """As fast as the reader takes them."""
        while tokens:
            count = min(tokens, BLOCK)
            event = b"%b%08x %b" % (_PREFIX, now(), _SUFFIX)
            writer.write(_chunked(event * count))
            self.emitted += count
            tokens -= count
            await writer.drain()
            await asyncio.sleep(0)

    async def _flow(self, writer: asyncio.StreamWriter, wanted: Wish) -> None:
        """At their rate: all such replies share one timer."""
        stream = _Stream(writer.transport, wanted.tokens, wanted.rate, time.monotonic())
        self._push(stream)
        await stream.finished

    # --- The timer ----------------------------------------------------------------------------------------------------

    def _push(self, stream: _Stream) -> None:
        heapq.heappush(self._due, (stream.due, next(self._numbers), stream))
        self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._due:
            wait = max(self._due[0][0] - time.monotonic(), 0)
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _tick(self) -> None:
        self._timer = None
        moment = time.monotonic()
        while self._due and self._due[0][0] <= moment:
            _, number, stream = heapq.heappop(self._due)
            if stream.transport.is_closing():
                stream.end()
                continue
            stream.transport.write(_chunked(b"%b%08x %b" % (_PREFIX, now(), _SUFFIX)))
            self.emitted += 1
            stream.left -= 1
            stream.due += stream.every
            if stream.left:
                heapq.heappush(self._due, (stream.due, number, stream))
            else:
                stream.end()
        self._arm()


async def _request(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The JSON of the next request on this connection; None when it has ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return dict(msgspec.json.decode(await reader.readexactly(length)))


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
