"""Daphne, run so that it starts and ends well: lifespan, signals, draining, and sentences instead of tracebacks.

Daphne alone has no lifespan, and on SIGTERM drops every socket without a close frame. So its `Server` is run here, on
uvloop, with sockets, signals and the application's life in our hands.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestAborted

logger = logging.getLogger(__name__)

OPENING = 20.0
"""Seconds that a socket may take until it is accepted. Of daphne's own 5, a database that has just come back, or the
sockets of a neighbour that died, take more: they would be cut off and come again, while their queries still ran."""
MAX_FRAME = 1024 * 1024
"""Bytes of the largest frame in either direction; daphne closes with 1009 beyond it."""
HANDSHAKE = 2.0
"""Seconds that clients get to answer a close frame before their connections are dropped."""
OVERTIME = 10.0
"""Seconds past the drain time after which a shutdown that hangs is left where it is."""
GARBAGE = 10_000
"""Objects made, and not freed by their own count, before the youngest are looked through for cycles."""


OPEN_FILES = 20_000
"""Files that a process may have open, where it is let: each socket is one, and each reply's connection to its model is
another, while what starts containers leaves as few as 1,024."""


class CannotListen(Exception):
    """The address cannot be had. `str()` is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an ending server waits, in seconds."""

    probe: float
    """From readiness going false to no longer listening: one period of the balancer's readiness probe."""
    drain: float
    """For runs under way to end by themselves."""


def allow_open_files() -> None:
    """Raise the soft limit on open files as far as `OPEN_FILES`, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def bind(host: str, port: int) -> socket.socket:
    """A socket that has the address but does not listen yet, so that a taken port is known before anything starts.

    Port 0 takes a free one. Raises `CannotListen`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, OverflowError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _cannot_listen(host, port, error) from error
    return bound


def url_of(bound: socket.socket) -> str:
    """The address of `bound` as a browser on this machine would write it."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # read, not listened on
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _cannot_listen(host: str, port: int, error: Exception) -> CannotListen:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return CannotListen(f"Port {port} on {host} is in use. Stop what uses it, or choose another with PORT.")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CannotListen(f"Cannot listen on {host} port {port}: {reason}.")


def serve(bound: socket.socket, *, patience: Patience, say: Callable[[str], None]) -> int:
    """Serve `config.asgi.application` on `bound` until a signal ends it; returns the exit code.

    Sentences for people go to `say`. SIGTERM ends with `patience`, SIGINT with none, and a second signal at once, by
    leaving the process without coming back here. 0 after a signal, 1 when the start failed.
    """
    import uvloop
    from twisted.internet import asyncioreactor

    # Daphne takes the reactor that it finds; its own would run on asyncio's loop.
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]

    from daphne.server import Server as Daphne

    from config.asgi import application

    server = Daphne(
        application,
        endpoints=["unused"],  # it insists on one; ours is opened by `_Life`, after the start-up
        signal_handlers=False,
        websocket_handshake_timeout=OPENING,
        websocket_timeout=-1,  # otherwise every socket is closed after 24 hours
        websocket_max_message_size=MAX_FRAME,
        websocket_max_frame_size=MAX_FRAME,
        server_name="",
    )
    server.endpoints = []
    life = _Life(server, loop, bound, patience, say)
    server.ready_callable = life.begin
    server.kill_all_applications = life.cancel_applications
    server.run()
    for number in (signal.SIGTERM, signal.SIGINT):
        # The loop has given them back, and what is left is the interpreter's own end.
        signal.signal(number, signal.SIG_IGN)
    return life.exit_code


def on_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What no task was there to hear, as asyncio logs it, but for the marks of clients that had their answer and left.

    Daphne cancels a request whose client has been gone for 10 s; in a process that slept, right after its answer. There
    Django leaves the mark (`RequestAborted`) where nobody reads it.
    """
    if not isinstance(context.get("exception"), RequestAborted):
        loop.default_exception_handler(context)


class _Life:
    """From the reactor's start to its end: start up, listen, wait for a signal, drain, stop."""

    def __init__(
        self,
        server: Any,
        loop: asyncio.AbstractEventLoop,
        bound: socket.socket,
        patience: Patience,
        say: Callable[[str], None],
    ) -> None:
        self.server = server
        self.loop = loop
        self.bound = bound
        self.patience = patience
        self.say = say
        self.exit_code = 0
        self.signals: list[int] = []
        self.signalled = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Called by daphne once its factories exist, before the loop runs."""
        from config.prompt import PromptWebSocket

        # Without it the connection is dropped before the close frame (1007, 1009) that says why is sent.
        self.server.ws_factory.setProtocolOptions(failByDrop=False)
        self.server.ws_factory.protocol = PromptWebSocket
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._on_signal, number)
        self.loop.set_exception_handler(on_exception)
        self.task = self.loop.create_task(self._live())
        self.task.add_done_callback(self._stop)

    def _on_signal(self, number: int) -> None:
        self.signals.append(number)
        self.signalled.set()
        if len(self.signals) > 1:
            # Whoever asks twice does not want to wait. Nothing that was shown is lost: it is in the log.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def _stop(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            logger.error("The server ended with an error.", exc_info=error)
            self.exit_code = 1
        self.server.stop()

    async def _live(self) -> None:
        # What is loaded by now stays; looking through it for garbage held up every stream, each time. What comes later
        # is looked through less often.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE, 20, 100)
        lifespan = Lifespan(self.server.application)
        if refusal := await lifespan.startup():
            self.say(refusal)
            self.exit_code = 1
            return
        port = None
        if not self.signals:
            try:
                port = self._listen()
            except CannotListen as refusal:
                self.say(str(refusal))
                self.exit_code = 1
            else:
                self.say(f"Polylogue is at {url_of(self.bound)}")
                await self.signalled.wait()
        await self._end(port, lifespan)

    def _listen(self) -> Any:
        from twisted.internet import reactor

        host, port = self.bound.getsockname()[:2]
        try:
            self.bound.listen(1024)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        return reactor.adoptStreamPort(self.bound.fileno(), self.bound.family, self.server.http_factory)

    async def _end(self, port: Any, lifespan: Lifespan) -> None:
        from chat.runtime import runtime

        patience = self.patience if self.signals == [signal.SIGTERM] else Patience(probe=0, drain=0)
        runtime.begin_drain()
        if patience.probe:
            await asyncio.sleep(patience.probe)
        self.bound.close()
        if port is not None:
            await port.stopListening().asFuture(self.loop)
        try:
            async with asyncio.timeout(patience.drain + OVERTIME):
                await runtime.shutdown(patience.drain)
                await self._say_goodbye()
                await lifespan.shutdown()
        except TimeoutError:
            logger.warning("The shutdown took too long; what is left of it happens at the next start.")

    async def _say_goodbye(self) -> None:
        """Wait, for a moment, until clients have answered the close frames; what is dropped before may not see them."""
        deadline = self.loop.time() + HANDSHAKE
        while self.loop.time() < deadline and any(  # noqa: ASYNC110  # daphne tells nobody when one is gone
            getattr(protocol, "application_type", "") == "websocket" and "disconnected" not in details
            for protocol, details in self.server.connections.items()
        ):
            await asyncio.sleep(0.02)

    def cancel_applications(self) -> Any:
        """Cancel what still runs, and wait for it. Daphne's own stumbles over connections that have finished."""
        from twisted.internet import defer

        running = [
            instance
            for details in self.server.connections.values()
            if (instance := details.get("application_instance")) is not None and not instance.done()
        ]
        for instance in running:
            instance.cancel()
        return defer.Deferred.fromFuture(asyncio.gather(*running, return_exceptions=True))


class Lifespan:
    """The server's side of ASGI's lifespan protocol."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.to_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None

    async def startup(self) -> str:
        """Returns once the application is ready, with an empty text, or with a sentence that says why it is not."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self.task = asyncio.create_task(
            self.application(scope, self.to_application.get, self.from_application.put), name="lifespan"
        )
        answer = await self._ask("lifespan.startup")
        return str(answer.get("message") or "The start-up failed.") if answer["type"].endswith("failed") else ""

    async def shutdown(self) -> None:
        """Returns once the application has closed everything."""
        await self._ask("lifespan.shutdown")
        if self.task is not None:
            await self.task

    async def _ask(self, question: str) -> dict[str, Any]:
        assert self.task is not None  # noqa: S101  # `startup` comes first
        await self.to_application.put({"type": question})
        answer = asyncio.create_task(self.from_application.get())
        await asyncio.wait({answer, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            self.task.result()  # raises what the application raised
            return {"type": f"{question}.failed", "message": "The application ended without an answer."}
        return answer.result()
