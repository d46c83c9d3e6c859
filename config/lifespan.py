"""Starts the runtime before the first request, and ends it after the last where the server says which that is."""

from __future__ import annotations

import logging

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from chat.runtime import StartupRefused, runtime
from config.cleanup import CHORES
from config.origin import refuse

logger = logging.getLogger(__name__)

DRAIN = 5.0
"""Seconds that runs get to end in when the server names no time of its own."""


class Lifespan:
    """The whole application: `application` with the runtime's life around it.

    A server with the lifespan protocol (uvicorn, `manage.py serve`) has the runtime started before it listens and shut
    down after it has stopped. Plain daphne has no such thing, so there the first connection starts it, and nothing ends
    it: what was running is folded at the next start.
    """

    def __init__(self, application: ASGI3Application) -> None:
        self.application = application
        self.started = False
        runtime.chores = CHORES

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            await self._follow_the_server(receive, send)
            return
        if not self.started:
            try:
                await runtime.start()
            except StartupRefused as refusal:
                logger.error("%s", refusal)  # noqa: TRY400  # a sentence for people, not a bug
                await _say(str(refusal), scope, receive, send)
                return
            self.started = True
        await self.application(scope, receive, send)

    async def _follow_the_server(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await runtime.start()
                except StartupRefused as refusal:
                    await send({"type": "lifespan.startup.failed", "message": str(refusal)})
                    return
                self.started = True
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await runtime.shutdown(DRAIN)
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _say(sentence: str, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer with a 503 and `sentence`; a socket is refused."""
    if scope["type"] == "websocket":
        await refuse(receive, send)
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 503, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": sentence.encode(), "more_body": False})
