"""One socket, many chats: takes commands, answers each once, leaves everything else to the writer.

A handler only starts work. Commands wait in the socket's own queue and are carried out in order (`commands`) by one
task; a second task writes; both end with the socket.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.conf import settings

from chat import selectors
from chat.consumers.commands import MAX_OPEN_CHATS, Commands
from chat.consumers.flow import MAX_UNACKNOWLEDGED
from chat.consumers.writer import Writer
from chat.database import in_database
from chat.protocol import commands
from chat.protocol.codes import ChatError, Close, TextFramesOnly
from chat.protocol.commands import Command, Received
from chat.protocol.frames import PROTOCOL, Hello, Limits, error
from chat.protocol.objects import UserObject
from chat.runtime import runtime
from chat.session import user_of_session

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

MAX_COMMANDS = 32
"""Commands of one socket that may wait; one more closes it (4429)."""
SESSION_CHECK = 60.0
"""Seconds at most between looks at the session."""
AFTER_NEWS = (0.5, 2.0)
"""Seconds from the news that a session may have ended to each of the looks that follow it."""

LIMITS = Limits(
    frame=commands.MAX_FRAME,
    text=commands.MAX_TEXT,
    text_http=commands.MAX_TEXT_HTTP,
    open_chats=MAX_OPEN_CHATS,
    commands=MAX_COMMANDS,
    unacknowledged=MAX_UNACKNOWLEDGED,
)


class ChatSocket(AsyncConsumer):
    """The consumer behind `/ws/`."""

    # The hub speaks with the channel layer for all sockets of the process.
    channel_layer_alias = None

    scope: Scope
    user: UserObject
    writer: Writer

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._commands: asyncio.Queue[Command] = asyncio.Queue(MAX_COMMANDS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session_moved = asyncio.Event()
        self._closed = self._counted = False
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not in a disconnect handler: Channels does not call that when another handler raised.
            runtime.sockets.discard(self)
            for task in self._tasks:
                task.cancel()
            if hasattr(self, "writer"):
                self.writer.leave()
            if self._counted:
                runtime.limits.leave(self.user.id)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels' own dispatch first waits for the process's one shared thread.
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        self._start(self._begin())

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._closed:
            # After the goodbye nothing is answered; who was turned away has nobody to answer.
            return
        text: str | None = message.get("text")
        try:
            if text is None:
                raise TextFramesOnly
            command = commands.decode(text)
            if isinstance(command, Received):
                self.writer.flow.confirm(command.count)
            else:
                self._commands.put_nowait(command)
        except ChatError as problem:
            self.writer.say(error(problem, commands.command_id(text) if text is not None else None))
        except asyncio.QueueFull:
            self.close(Close.TOO_MANY)

    def close(self, code: int) -> None:
        """Close the socket with a code of `Close`; nothing more is sent. Returns at once."""
        if not self._closed:
            self._closed = True
            self._start(self._say_goodbye(code))

    # --- The life of the socket ---------------------------------------------------------------------------------------

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_goodbye(self, code: int) -> None:
        await self.send({"type": "websocket.close", "code": code})

    async def _send_text(self, text: str) -> None:
        if self._closed:
            return
        # Servers have their own words for a client that went away a moment ago: uvicorn's is an OSError, as ASGI wants
        # it, Autobahn's a RuntimeError. `websocket.disconnect` is on its way, and ends everything.
        with suppress(OSError, RuntimeError):
            await self.base_send({"type": "websocket.send", "text": text})

    async def _begin(self) -> None:
        """Find out who this is, say hello, and begin to work."""
        try:
            user = await self._session_user()
        except ChatError:
            await self.send({"type": "websocket.accept"})
            self.close(Close.GOING_AWAY)
            return
        await self.send({"type": "websocket.accept"})
        if user is None:
            # After the accept: a browser is not told why a handshake failed.
            self.close(Close.SIGNED_OUT)
            return
        if runtime.going_away:
            # It came over a connection that a balancer had kept, past the listener that was closed.
            self.close(Close.GOING_AWAY)
            return
        self.user = user
        self._counted = runtime.limits.enter(user.id)
        if not self._counted:
            self.close(Close.TOO_MANY)
            return
        self.writer = Writer(
            runtime.hub, user.id, send=self._send_text, close=self.close, recheck=self._session_moved.set
        )
        runtime.sockets.add(self)
        runtime.hub.watch_list(self.writer, user.id)
        try:
            versions = await _ask(selectors.list_versions, [user.id])
        except ChatError:
            self.close(Close.GOING_AWAY)
            return
        self.writer.say(
            Hello(
                protocol=PROTOCOL,
                user=user,
                server=str(runtime.worker_id),
                limits=LIMITS,
                agents=runtime.agent_objects(),
            )
        )
        self.writer.follow_list(versions[user.id])
        self._start(self.writer.run())
        self._start(self._work())
        self._start(self._watch_session())

    async def _session_user(self) -> UserObject | None:
        cookies: dict[str, str] = self.scope.get("cookies", {})  # type: ignore[assignment]  # set by CookieMiddleware
        return await _ask(user_of_session, cookies.get(settings.SESSION_COOKIE_NAME, ""))

    async def _watch_session(self) -> None:
        """Close when the session has ended. Where that is not to be found out, it is asked again later."""
        while True:
            waits: tuple[float, ...] = (0.0,)
            try:
                async with asyncio.timeout(SESSION_CHECK * random.uniform(0.7, 1.0)):  # noqa: S311  # spreads load
                    await self._session_moved.wait()
                self._session_moved.clear()
                # A sign-out is announced just before the session's row goes.
                waits = AFTER_NEWS
            except TimeoutError:
                pass
            for wait in waits:
                await asyncio.sleep(wait)
                await self._check_session()

    async def _check_session(self) -> None:
        try:
            user = await self._session_user()
        except ChatError:
            return
        if user is None or user.id != self.user.id:
            self.close(Close.SIGNED_OUT)

    # --- Commands -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Carry out commands in order; each gets exactly one answer."""
        carrier = Commands(self.user, self.writer)
        while True:
            command = await self._commands.get()
            command_id: str = command.id  # type: ignore[union-attr]  # `received` never gets here
            try:
                runtime.limits.spend(self.user.id)
                with runtime.precedence.asking():
                    ack, opened = await carrier.carry_out(command)
                self.writer.say(ack)
                if opened is not None:
                    self.writer.show(opened)
            except ChatError as problem:
                self.writer.say(error(problem, command_id))
            except Exception:
                logger.exception("a command failed: %s", type(command).__name__)
                self.writer.say(error(ChatError(), command_id))


async def _ask(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`in_database`, of which all that goes wrong is a `ChatError`: a socket has to go on, or to close."""
    try:
        return await in_database(function, *args, **kwargs)
    except ChatError:
        raise
    except Exception as error:
        # Stores of sessions have errors of their own, and so has a table that is being migrated.
        logger.exception("a socket could not ask the database")
        raise ChatError from error
