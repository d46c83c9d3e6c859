"""A Chat Completions server that misbehaves in the ways in which real ones do.

In a test:

    async with FakeUpstream() as upstream:
        agent = OpenAIChatAgent(..., base_url=upstream.base_url)
        # ask with the text directive(tokens=5, fault="reset"); then look at upstream.requests

As a process, for tests that cannot share a loop with it and for benchmarks (`GET /requests` shows what it was asked):

    python -m tests.fakes.upstream --port 8081

Each request chooses: a last message that is a JSON object is a `Behaviour`; any other text gets `FakeUpstream.default`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, Self

import msgspec
from aiohttp import web

WORDS = ("blue", "house", "über", "river", "日本", "sleeps", "under", "🙂", "seven", "naïve", "stones", "and", "sings")

HEARTBEAT = 0.05
"""Seconds."""

Fault = Literal[
    "",
    "stall",  # nothing more comes, the connection stays
    "reset",  # RST in the middle of a character
    "cut",  # the response ends properly, the reply does not: no finish_reason, no [DONE]
    "bad_chunk",  # what HTTP itself calls broken
    "malformed",  # half a JSON object as one event
    "endless_line",  # a line that goes on and on
    "error",  # an error object as an event; its `code` is `status`
    "html",  # a page, with 200
    "json",  # one JSON object, with 200
    "nonsense",  # lines that are no SSE, called text/event-stream
    "empty",  # a stream with nothing in it
    "no_http",  # not even HTTP
]


class Behaviour(msgspec.Struct, forbid_unknown_fields=True):
    """What one request gets."""

    tokens: int = 20
    rate: float = 0
    """Tokens a second; 0 is as fast as it goes."""
    burst: int = 1
    """Tokens in one write to the network, each still an event of its own."""
    seed: int = 1
    text: str | None = None
    """These characters, one a token, instead of `tokens` words; may hold NUL and lone surrogates."""
    reasoning: int = 0
    """Tokens of reasoning before the text."""
    reasoning_field: str = "reasoning_content"
    tool_calls: int = 0
    """Calls of a tool after the text."""
    usage: bool = True
    finish_reason: str | None = "stop"
    done: bool = True
    """Send `[DONE]`."""
    linger: float = 0
    """Seconds for which the response stays open after its last event."""
    crlf: bool = False
    comments: bool = False
    """Comments and `event:` lines among the data."""
    split: int = 0
    """Bytes in one write to the network; 0 leaves events whole."""
    heartbeats: int = 0
    """Comments before the first token, `HEARTBEAT` seconds apart."""
    big: int = 0
    """Bytes of one more token before the others."""
    fault: Fault = ""
    after: int = 3
    """Tokens before the fault."""
    status: int = 200
    """An answer of 400 and more is an error, with `error` as its body, the first `times` times this is asked."""
    times: int = 1_000_000
    error: dict[str, Any] = msgspec.field(default_factory=lambda: {"message": "as asked"})
    retry_after: str | None = None
    headers_after: float = 0
    """Seconds until anything is answered."""


class Request(msgspec.Struct):
    """What was asked, and how it ended."""

    body: dict[str, Any]
    headers: dict[str, str]
    port: int
    """Of the client: the same for two requests over one connection."""
    sent: int = 0
    """Tokens written."""
    ended: Literal["", "served", "left"] = ""
    """`left`: the client went away before the end."""


def directive(**behaviour: Any) -> str:
    """The message that asks for this behaviour; raises `msgspec.ValidationError` for what is none."""
    msgspec.convert(behaviour, Behaviour)
    return json.dumps(behaviour)


def words(behaviour: Behaviour) -> Iterator[str]:
    """The tokens of the text; joined, they are what a client must have at the end."""
    if behaviour.text is not None:
        yield from behaviour.text
        return
    choice = random.Random(behaviour.seed).choice  # noqa: S311  # a text that can be had again, no secret
    for _ in range(behaviour.tokens):
        yield f"{choice(WORDS)} "


class FakeUpstream:
    """A server on loopback; `port` 0 takes a free one."""

    def __init__(self, default: Behaviour | None = None, *, port: int = 0) -> None:
        self.default = default or Behaviour()
        self.requests: list[Request] = []
        self._port = port
        self._refused: Counter[str] = Counter()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/requests", self._list)
        # Cancelled handlers are how a server of aiohttp learns that a client has left while it has nothing to write.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def asked(self) -> Request:
        """The first request, once it has come. The caller sets the time limit."""
        while not self.requests:
            await self._changed.wait()
            self._changed.clear()
        return self.requests[0]

    async def ended(self, count: int = 1) -> list[Request]:
        """The first `count` requests, once each has ended. The caller sets the time limit."""
        while len(self.requests) < count or not all(request.ended for request in self.requests[:count]):
            await self._changed.wait()
            self._changed.clear()
        return self.requests[:count]

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(self.requests))

    async def _complete(self, http: web.Request) -> web.StreamResponse:
        body = await http.json()
        asked = body["messages"][-1]["content"]
        # Read by the standard library, since msgspec refuses the lone surrogates that a text may be made of.
        behaviour = msgspec.convert(json.loads(asked), Behaviour) if asked.startswith("{") else self.default
        request = Request(
            body, dict(http.headers), http.transport.get_extra_info("peername")[1] if http.transport else 0
        )
        self.requests.append(request)
        self._changed.set()
        try:
            await asyncio.sleep(behaviour.headers_after)
            response = await self._answer(http, behaviour, asked, request)
            request.ended = "served"
        except (asyncio.CancelledError, ConnectionError):
            request.ended = "left"
            raise
        finally:
            self._changed.set()
        return response

    async def _answer(
        self, http: web.Request, behaviour: Behaviour, asked: str, request: Request
    ) -> web.StreamResponse:
        if behaviour.status >= 400 and behaviour.fault != "error" and self._refused[asked] < behaviour.times:
            self._refused[asked] += 1
            headers = {} if behaviour.retry_after is None else {"Retry-After": behaviour.retry_after}
            return web.json_response({"error": behaviour.error}, status=behaviour.status, headers=headers)
        match behaviour.fault:
            case "html":
                return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
            case "json":
                return web.json_response({"object": "chat.completion", "choices": []})
            case "no_http":
                _transport(http).write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
                _transport(http).close()
                return web.Response()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(http)
        await _Stream(http, response, behaviour, request).run()
        return response


class _Stream:
    """One reply, on its way out."""

    def __init__(self, http: web.Request, response: web.StreamResponse, behaviour: Behaviour, request: Request) -> None:
        self._http = http
        self._response = response
        self._behaviour = behaviour
        self._request = request
        self._end = "\r\n" if behaviour.crlf else "\n"
        self._waiting: list[bytes] = []

    async def run(self) -> None:
        behaviour = self._behaviour
        if behaviour.fault == "empty":
            return
        if behaviour.fault == "nonsense":
            await self._write(b"this is no stream of events\n")
            await asyncio.Event().wait()
        for _ in range(behaviour.heartbeats):
            await self._write(b": processing\n\n")
            await asyncio.sleep(HEARTBEAT)
        await self._event(_chunk({"role": "assistant", "content": ""}))
        for number in range(behaviour.reasoning):
            await self._event(_chunk({behaviour.reasoning_field: f"thought{number} "}))
        if behaviour.big:
            await self._event(_chunk({"content": "x" * behaviour.big}))
        await self._text()
        for number in range(behaviour.tool_calls):
            await self._tool_call(number)
        await self._last()

    async def _text(self) -> None:
        behaviour, request = self._behaviour, self._request
        start = asyncio.get_running_loop().time()
        for number, word in enumerate(words(behaviour), 1):
            if behaviour.fault and request.sent == behaviour.after:
                await self._fault()
            if behaviour.rate and (wait := start + number / behaviour.rate - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(wait)
            await self._event(_PREFIX + json.dumps(word).encode() + _SUFFIX, hold=request.sent % behaviour.burst > 0)
            request.sent += 1
        if behaviour.fault and request.sent <= behaviour.after:
            await self._fault()

    async def _fault(self) -> None:
        await self._flush()
        match self._behaviour.fault:
            case "stall":
                await asyncio.Event().wait()
            case "reset":
                await self._response.write(b'data: {"choices":[{"delta":{"content":"\xf0\x9f')
                transport = _transport(self._http)
                # With no time to linger, closing sends RST instead of FIN.
                option = struct.pack("ii", 1, 0)
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
                transport.abort()
                raise ConnectionResetError
            case "bad_chunk":
                # Apart from the last token, which it would take with it.
                await asyncio.sleep(HEARTBEAT)
                _transport(self._http).write(b"this is no size\r\n")
                await asyncio.Event().wait()
            case "malformed":
                await self._event(b'{"choices":[{"delta":{"content":"hal')
            case "endless_line":
                await self._response.write(b"data: ")
                while True:
                    await self._response.write(b"x" * 65536)
            case "error":
                error = {"code": self._behaviour.status, **self._behaviour.error}
                await self._event(json.dumps({"error": error}).encode())
                await asyncio.Event().wait()

    async def _tool_call(self, number: int) -> None:
        function = {"name": "look_up", "arguments": ""}
        await self._event(_chunk({"tool_calls": [{"index": number, "id": f"call_{number}", "function": function}]}))
        for arguments in ('{"query": ', '"über"}'):
            await self._event(_chunk({"tool_calls": [{"index": number, "function": {"arguments": arguments}}]}))

    async def _last(self) -> None:
        behaviour = self._behaviour
        if behaviour.fault == "cut":
            await self._flush()
            return
        if behaviour.finish_reason is not None:
            await self._event(_chunk({}, finish_reason=behaviour.finish_reason))
        if behaviour.usage and self._request.body.get("stream_options", {}).get("include_usage"):
            usage = {
                "prompt_tokens": 11,
                "completion_tokens": self._request.sent,
                "total_tokens": 11 + self._request.sent,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": behaviour.reasoning},
            }
            await self._event(json.dumps({"choices": [], "usage": usage}).encode())
        if behaviour.done:
            await self._event(b"[DONE]")
        await self._flush()
        await asyncio.sleep(behaviour.linger)

    async def _event(self, data: bytes, *, hold: bool = False) -> None:
        end = self._end.encode()
        event = b"data: " + data + end + end
        if self._behaviour.comments:
            event = b": still here" + end + end + b"event: message" + end + b"id: 1" + end + event
        self._waiting.append(event)
        if not hold:
            await self._flush()

    async def _flush(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        if data:
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        step = self._behaviour.split or len(data)
        for start in range(0, len(data), step):
            await self._response.write(data[start : start + step])
            if self._behaviour.split:
                await asyncio.sleep(0)


# The normal chunk is put together rather than encoded, so that a benchmark measures the client.
_PREFIX = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"fake",'
    b'"choices":[{"index":0,"delta":{"content":'
)
_SUFFIX = b'},"logprobs":null,"finish_reason":null}]}'


def _chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}).encode()


def _transport(http: web.Request) -> asyncio.Transport:
    if http.transport is None:
        raise ConnectionResetError
    return http.transport


async def _serve(port: int, default: Behaviour) -> None:
    async with FakeUpstream(default, port=port) as upstream:
        print(f"Listening on {upstream.base_url}", flush=True)  # noqa: T201  # whoever started it waits for this line
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fakes.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--default", default="{}", help="the Behaviour of a request that names none, as JSON")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments.port, msgspec.json.decode(arguments.default, type=Behaviour)))


if __name__ == "__main__":
    main()
