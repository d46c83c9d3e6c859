"""The floor: what a token costs when nothing is done with it. Bytes are split by hand, and a frame goes out.

No client library, no Django, no log, no resume, no check of anything: nobody could ship it, and nobody can beat it in
Python with daphne at the end.

    python -m bench.apps.floor PORT     (the model's server is OPENAI_BASE_URL)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] = []


_decode = msgspec.json.Decoder(_Chunk).decode
_encode = msgspec.json.Encoder().encode
_tasks: set[asyncio.Task[None]] = set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """One socket: each text that comes is a question, each token of the answer is a frame."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        task = asyncio.create_task(_answer(message["text"], send))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


async def _answer(question: str, send: Any) -> None:
    address = urlsplit(os.environ["OPENAI_BASE_URL"])
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"stream": True, "messages": [{"role": "user", "content": question}]}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    rest = b""
    while True:
        *lines, rest = (rest + await reader.read(65536)).split(b"\n")
        for line in lines:
            # Lines of the transfer encoding are skipped with the empty ones: an event is never cut between two pieces.
            if line.startswith(b"data: {"):
                for choice in _decode(line[6:]).choices:
                    if choice.delta.content:
                        text = _encode({"text": choice.delta.content}).decode()
                        await send({"type": "websocket.send", "text": text})
            elif line.startswith(b"data: [DONE]"):
                await send({"type": "websocket.send", "text": '{"end":true}'})
                writer.close()
                return


def main() -> None:
    from twisted.internet import asyncioreactor

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]

    from daphne.server import Server

    Server(application, endpoints=[f"tcp:{sys.argv[1]}:interface=127.0.0.1"], websocket_timeout=-1).run()


if __name__ == "__main__":
    main()
