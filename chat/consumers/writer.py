"""The one task of a socket that sends. It keeps cursors, not queues: what is sent is made when there is room for it.

For each open chat it sends, in this order by construction: the change that announces a run, then the run's events from
the cursor on, and the change that ends the run only after the cursor has reached the run's last event.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from msgspec import UNSET

from chat import selectors
from chat.consumers.flow import Flow, TooSlow
from chat.feeds import Feed
from chat.hub import READ_WITHIN, Hub, noticed
from chat.protocol.codes import ChatError, Close
from chat.protocol.frames import ChatChanged, ChatsChanged, ChatSnapshot, Frame, Sendable, encode
from chat.protocol.objects import MessageObject, Part, RunObject
from chat.protocol.transcript import merged

logger = logging.getLogger(__name__)

MAX_ANSWERS = 128
"""Answers that may wait for a reader; past it the client sends commands without reading their answers."""
SNAPSHOT_BYTES = 96 * 1024
"""A streaming reply with more text than this comes as events after the snapshot, cut into frames."""
AGAIN = 1.0
"""Seconds after which a chat that could not be read is tried again."""
BROKEN = 30.0
"""The same for one that cannot be read at all, as when its rows are of a newer version than this worker."""


@dataclass(eq=False, slots=True)
class View:
    """A chat that is open on this socket: where its reader is."""

    chat: UUID
    version: int = 0
    """The version that the client has; 0 means that a snapshot is due."""
    runs: dict[UUID, int] = field(default_factory=dict)
    """The last event sent of each run that the client follows."""
    reading: asyncio.Task[selectors.Snapshot | None] | None = None
    """The read of a snapshot that is under way."""
    hidden: bool = False
    """It was closed or replaced: nothing more of it is sent."""

    def shown(self) -> bool:
        """To be asked after every await."""
        return not self.hidden


class Writer:
    """Sends everything that one socket is told; implements `hub.Viewer`."""

    def __init__(
        self,
        hub: Hub,
        user: UUID,
        *,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], None],
        recheck: Callable[[], None],
    ) -> None:
        """`send` takes one frame; `close` (with a close code) and `recheck` (the session) return at once."""
        self.flow = Flow()
        self.views: dict[UUID, View] = {}
        self._hub = hub
        self._user = user
        self._send_text = send
        self._close = close
        self._recheck = recheck
        self._answers: deque[Sendable] = deque()
        self._dirty: dict[UUID, None] = {}
        self._list_dirty = False
        self._list_version = 0
        self._wake = asyncio.Event()

    # --- What others call; all return at once -------------------------------------------------------------------------

    def say(self, frame: Frame) -> None:
        """Send an answer, before anything that is not made yet."""
        self._answers.append(encode(frame))
        if len(self._answers) > MAX_ANSWERS:
            self._close(Close.TOO_MANY)
        self._wake.set()

    def chat_moved(self, chat: UUID) -> None:
        self._dirty[chat] = None
        self._wake.set()

    def list_moved(self) -> None:
        self._list_dirty = True
        self._wake.set()

    def session_moved(self) -> None:
        self._recheck()

    def show(self, view: View) -> None:
        """Follow a chat from the cursors of `view`, which replaces an earlier view of the same chat."""
        self._hub.watch_chat(self, view.chat)
        if view.chat in self.views:
            self.views[view.chat].hidden = True
        self.views[view.chat] = view
        self.chat_moved(view.chat)

    def hide(self, chat: UUID) -> None:
        """Send nothing more of this chat."""
        view = self.views.pop(chat, None)
        if view is not None:
            view.hidden = True
        self._hub.leave_chat(self, chat)

    def follow_list(self, version: int) -> None:
        """Tell of changes to the user's list after `version`; call it after `hub.watch_list`."""
        self._list_version = version
        self.list_moved()

    def leave(self) -> None:
        """Forget everything: the socket is gone."""
        for chat in list(self.views):
            self.hide(chat)
        self._hub.leave_list(self, self._user)

    # --- The task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send until cancelled, or until the reader is too slow."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._turn()
                if self._list_dirty:
                    self._list_dirty = False
                    await self._guarded(self._follow_list(), self.list_moved)
                dirty, self._dirty = self._dirty, {}
                for chat in dirty:
                    view = self.views.get(chat)
                    if view is not None:
                        await self._guarded(self._follow_alone(view), self.chat_moved, chat)
        except TooSlow:
            self._close(Close.TOO_SLOW)
        except Exception:
            logger.exception("a socket's writer failed; its client starts again")
            self._close(Close.GOING_AWAY)

    async def _guarded(self, reading: Awaitable[None], again: Callable[..., None], *args: object) -> None:
        """A database that does not answer delays what it knows; answers and other chats go on."""
        try:
            await reading
        except ChatError as problem:
            self._hub.read_failed(problem)
            asyncio.get_running_loop().call_later(AGAIN, again, *args)

    async def _follow_alone(self, view: View) -> None:
        """`_follow`, where a chat that cannot be read keeps nothing from the others of its reader."""
        try:
            await self._follow(view)
        except (ChatError, TooSlow):
            raise
        except Exception:
            logger.exception("chat %s cannot be shown; it is tried again", view.chat, extra={"chat": view.chat})
            # What was sent of it last may not be all that its cursors say.
            view.version = 0
            asyncio.get_running_loop().call_later(BROKEN, self.chat_moved, view.chat)

    async def _send(self, frame: Sendable) -> None:
        self.flow.sent(frame.size)
        await self._send_text(frame.text)

    async def _turn(self) -> None:
        """Return when it is the turn of a frame that is not made yet: after all answers, and when there is room."""
        while self._answers or self.flow.full:
            await self.flow.room()
            if self._answers:
                await self._send(self._answers.popleft())

    async def _follow_list(self) -> None:
        while self._hub.list_version(self._user) > self._list_version:
            change = await self._hub.list_change(self._user, self._list_version)
            if change.version <= self._list_version:
                return
            await self._turn()
            self._list_version = change.version
            await self._send(encode(ChatsChanged(chats=change.chats, removed=change.removed)))

    async def _follow(self, view: View) -> None:
        """Bring one chat up to date."""
        while view.shown():
            if view.version == 0 and not await self._snapshot(view):
                return
            await self._events(view)
            if not view.shown() or self._hub.chat_version(view.chat) <= view.version:
                return
            change = await self._hub.chat_change(view.chat, view.version)
            if change is None:
                view.version = 0
                continue
            if change.version <= view.version or not await self._change(view, change):
                return

    async def _events(self, view: View) -> None:
        """Send what the runs of this chat have said so far. What comes meanwhile waits until the other chats had their
        turn: where a slow reader follows a fast run, something always comes."""
        for run in list(view.runs):
            if not view.shown():
                return
            feed = self._hub.feeds.follow(run, view.chat)
            upto = feed.seq
            while view.shown() and view.runs.get(run, upto) < upto:
                if self._answers or self.flow.full:
                    await self._turn()
                    continue
                seq, frame = feed.frame(view.runs[run])
                view.runs[run] = seq
                await self._send(frame)

    async def _change(self, view: View, change: selectors.ChatChange) -> bool:
        """Send a change; false where it has to wait for the last events of a run that it ends."""
        await self._events(view)
        await self._turn()
        if not view.shown():
            return False
        ended = [run for run in change.change.runs if run.status != "running" and run.run in view.runs]
        for run in ended:
            feed = self._hub.feeds.of(run.run)
            if feed is None or view.runs[run.run] >= run.seq:
                continue
            if view.runs[run.run] < feed.seq:
                # It said its last while this was read and sent: that comes first, at the chat's next turn.
                self.chat_moved(view.chat)
                return False
            if not feed.closed:
                self._hub.feeds.ended(run.run)
                return False
        reached = {run.run for run in ended if view.runs[run.run] == run.seq}
        for run in ended:
            del view.runs[run.run]
        following = set(view.runs)
        runs: list[RunObject] = []
        for run in change.change.runs:
            seq = view.runs.setdefault(run.run, 0) if run.status == "running" else run.seq
            runs.append(msgspec.structs.replace(run, seq=seq))
        messages = [_without_parts(message, reached | following) for message in change.change.messages]
        view.version = change.version
        sent = msgspec.structs.replace(change.change, messages=messages, runs=runs)
        await self._send(encode(ChatChanged(chat=view.chat, after=change.after, version=change.version, change=sent)))
        return True

    async def _snapshot(self, view: View) -> bool:
        """Send the chat as it is; where it is gone, say so, follow it no more, and return false."""
        if view.reading is None:
            view.reading = asyncio.create_task(self._hub.snapshot(view.chat))
            view.reading.add_done_callback(noticed)
        done, _ = await asyncio.wait({view.reading}, timeout=READ_WITHIN)
        if not done:
            # The other chats go on, and this one is looked at again once it can be.
            view.reading.add_done_callback(lambda _: self.chat_moved(view.chat))
            return False
        reading, view.reading = view.reading, None
        snapshot = reading.result()
        for run in snapshot.runs if snapshot is not None else ():
            if not view.shown():
                return False
            try:
                await self._hub.feeds.ready(run.run, run.chat)
            except ChatError:
                ids = {"run": run.run, "chat": run.chat}
                logger.warning("run %s is shown from its start when its log answers again", run.run, extra=ids)
        await self._turn()
        if not view.shown():
            return False
        if snapshot is None:
            self.hide(view.chat)
            # Not left to the list, which may be read when the chat is back: then nobody would know to open it again.
            await self._send(encode(ChatsChanged(chats=[], removed=[view.chat])))
            return False
        view.version = snapshot.chat.version
        view.runs = {}
        runs: list[RunObject] = []
        messages = {message.id: message for message in snapshot.messages}
        for run in snapshot.runs:
            feed = self._hub.feeds.follow(run.run, run.chat)
            seq = 0
            if feed.transcript.size <= SNAPSHOT_BYTES and run.reply in messages:
                seq = feed.seq
                messages[run.reply] = msgspec.structs.replace(
                    messages[run.reply], parts=_so_far(messages[run.reply], feed)
                )
            view.runs[run.run] = seq
            runs.append(msgspec.structs.replace(run, seq=seq))
        frame = ChatSnapshot(
            chat=snapshot.chat,
            version=view.version,
            messages=list(messages.values()),
            earlier=snapshot.earlier,
            runs=runs,
        )
        await self._send(encode(frame))
        return True


def _without_parts(message: MessageObject, known: set[UUID]) -> MessageObject:
    """A message whose parts the client has from its run's events goes without them."""
    if message.run in known:
        return msgspec.structs.replace(message, parts=UNSET, clipped=UNSET)
    return message


def _so_far(message: MessageObject, feed: Feed) -> list[Part]:
    """The parts of a reply that is being written: what earlier runs left, and what this one has said."""
    return merged(message.parts if message.parts is not UNSET else [], feed.transcript.parts())
