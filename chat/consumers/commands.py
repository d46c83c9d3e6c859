"""What each command of a socket does, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from chat import selectors
from chat.consumers.writer import View, Writer
from chat.database import in_database
from chat.protocol import commands
from chat.protocol.codes import ChatError, InvalidCommand, TextTooLong, TooManyChats
from chat.protocol.commands import (
    ChatClose,
    ChatCreate,
    ChatOpen,
    Command,
    MessageChoose,
    MessageContinue,
    MessageEdit,
    MessageRetry,
    MessageSend,
    RunStop,
)
from chat.protocol.frames import Ack
from chat.protocol.objects import RunObject, UserObject
from chat.runtime import runtime
from chat.services.chats import create_chat
from chat.services.messages import (
    Asking,
    Posted,
    choose_branch,
    continue_reply,
    edit_message,
    post_message,
    retry_reply,
)
from chat.services.runs import request_stop

MAX_OPEN_CHATS = 64
"""Chats open on one socket."""


class Commands:
    """Carries out the commands of one person's socket, one after the other."""

    def __init__(self, user: UserObject, writer: Writer) -> None:
        self._user = user
        self._writer = writer

    async def carry_out(self, command: Command) -> tuple[Ack, View | None]:
        """Do what a command asks; returns its answer and, for `chat.open`, the view to be shown once that is said.
        Raises `ChatError`."""
        if isinstance(command, ChatOpen):
            view = await self._open(command)
            return Ack(id=command.id, resumed=view is not None), view or View(command.chat)
        return await self._answer(command), None

    async def _answer(self, command: Command) -> Ack:
        match command:
            case ChatClose():
                self._writer.hide(command.chat)
                return Ack(id=command.id)
            case ChatCreate():
                return await self._create(command)
            case MessageSend() | MessageEdit() | MessageRetry() | MessageContinue():
                return await self._ask(command)
            case MessageChoose():
                await in_database(
                    choose_branch, user_id=self._user.id, chat_id=command.chat, message_id=command.message
                )
                return Ack(id=command.id)
            case RunStop():
                await in_database(request_stop, user_id=self._user.id, run_id=command.run)
                return Ack(id=command.id)
            case _:
                raise InvalidCommand

    async def _create(self, command: ChatCreate) -> Ack:
        chat_id = await in_database(
            create_chat,
            user_id=self._user.id,
            client_id=command.client_id,
            agent=runtime.agent_name(command.agent),
            title=command.title,
        )
        return Ack(id=command.id, chat=await in_database(selectors.chat_for, user_id=self._user.id, chat_id=chat_id))

    async def _ask(self, command: MessageSend | MessageEdit | MessageRetry | MessageContinue) -> Ack:
        posted = await runtime.supervisor.ask(
            _question(command),
            user_id=self._user.id,
            chat_id=command.chat,
            client_id=command.client_id,
            agent=command.agent,
        )
        return Ack(id=command.id, message=posted.message, reply=posted.reply, run=posted.run)

    async def _open(self, command: ChatOpen) -> View | None:
        if command.chat not in self._writer.views and len(self._writer.views) >= MAX_OPEN_CHATS:
            raise TooManyChats
        # Registered before anything is read, so that no change falls between.
        runtime.hub.watch_chat(self._writer, command.chat)
        try:
            await in_database(selectors.require_member, user_id=self._user.id, chat_id=command.chat)
            view = await self._resumed(command)
        except BaseException:
            if command.chat not in self._writer.views:
                runtime.hub.leave_chat(self._writer, command.chat)
            raise
        return view

    async def _resumed(self, command: ChatOpen) -> View | None:
        """A view at the client's cursors if everything that it missed can be had from there; None where it cannot, and
        a snapshot is due: all or nothing.
        """
        if command.version is None:
            return None
        if await runtime.hub.chat_change(command.chat, command.version, patient=True) is None:
            return None
        runs = await in_database(selectors.resumable_runs, command.chat, list(command.runs))
        if not command.runs.keys() <= runs.keys():
            return None
        cursors: dict[UUID, int] = {}
        for run_id, (run, version) in runs.items():
            seq = command.runs.get(run_id)
            if run.status == "running":
                if seq is None and version > command.version:
                    continue  # it began after what they have, and is announced
                if seq is None or not await self._has_shown(run, seq):
                    return None
                cursors[run_id] = seq
            elif seq is not None:
                if not 0 <= seq <= run.seq:
                    return None
                if version > command.version:
                    cursors[run_id] = seq
        return View(command.chat, command.version, cursors)

    async def _has_shown(self, run: RunObject, seq: int) -> bool:
        """Whether the run's events are here up to `seq`, so that its next ones can follow."""
        try:
            return await runtime.hub.feeds.has_shown(run.run, run.chat, seq)
        except ChatError:
            return False


def _question(command: MessageSend | MessageEdit | MessageRetry | MessageContinue) -> Callable[[Asking], Posted]:
    """The service that carries out `command`. Raises `TextTooLong` over 48 KiB."""
    if isinstance(command, MessageSend | MessageEdit) and len(command.text.encode()) > commands.MAX_TEXT:
        raise TextTooLong
    match command:
        case MessageSend():
            return partial(post_message, text=command.text)
        case MessageEdit():
            return partial(edit_message, message_id=command.message, text=command.text)
        case MessageRetry():
            return partial(retry_reply, message_id=command.message)
        case MessageContinue():
            return partial(continue_reply, message_id=command.message)
