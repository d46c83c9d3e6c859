"""One a process: which local sockets look at what, and who wakes them.

The hub holds no frames. For each chat that somebody here looks at it knows the newest version it has heard of; for each
live run `feeds` has the transcript that may be shown. A socket has a cursor in each and reads what it lacks; the hub
only says "look again", and lets all sockets with the same cursor share one query. Hearing of something twice, late or
never (a look at everything each half minute makes up for it) changes nothing that anyone sees in the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from chat import selectors
from chat.database import in_database
from chat.feeds import Feeds
from chat.precedence import Precedence
from chat.protocol.codes import ChatError, Unavailable
from chat.runs.log import RunLog
from chat.services.announce import Move

logger = logging.getLogger(__name__)

RECONCILE = 30.0
"""Seconds between looks at the versions of everything that is open here."""
PORTION = 1000
"""Ids in one query."""
READ_KEPT = 1.0
"""Seconds for which a read is shared; all who were woken by the same change ask within a moment."""
FAILED_EVERY = 1.0
"""Seconds between log lines about reads that failed: whether one socket waits or a thousand do, it is one cause."""
READ_WITHIN = 1.0
"""Seconds that a socket waits for a read; a database that says nothing must not hold up the tokens of its chats."""

R = TypeVar("R")


class Viewer(Protocol):
    """A socket, as the hub sees it. All calls return at once and may come more often than needed."""

    def chat_moved(self, chat: UUID) -> None: ...
    def list_moved(self) -> None: ...
    def session_moved(self) -> None: ...


def noticed(read: asyncio.Task[Any]) -> None:
    """For a read that all who wanted it may have left: that it failed is nothing to log then."""
    if not read.cancelled():
        read.exception()


class _Watch(Generic[R]):
    """Everyone here who looks at one chat, or at one person's list: the newest version heard of, and shared reads."""

    __slots__ = ("reads", "version", "viewers")

    def __init__(self, version: int) -> None:
        self.version = version
        self.viewers: set[Viewer] = set()
        self.reads: dict[int, tuple[int, asyncio.Task[R]]] = {}

    def heard(self, version: int) -> bool:
        if version <= self.version:
            return False
        self.version = version
        return True

    async def read(self, after: int, reading: Callable[[], Coroutine[Any, Any, R]], *, patient: bool = False) -> R:
        """One read for all that are at `after`, as long as nothing newer is heard of. Raises `Unavailable` while it is
        under way for longer than `READ_WITHIN`, but to who is `patient`; whoever asks again waits for the same one."""
        found = self.reads.get(after)
        if found is None or found[0] != self.version or (found[1].done() and found[1].exception() is not None):
            if any(version != self.version for version, _ in self.reads.values()):
                self.reads.clear()
            found = self.reads[after] = (self.version, asyncio.create_task(reading()))
            found[1].add_done_callback(noticed)
            asyncio.get_running_loop().call_later(READ_KEPT, self._forget, after, found)
        done, _ = await asyncio.wait({found[1]}, timeout=None if patient else READ_WITHIN)
        if not done:
            raise Unavailable
        return found[1].result()

    def _forget(self, after: int, read: tuple[int, asyncio.Task[R]]) -> None:
        if self.reads.get(after) is not read:
            return
        if read[1].done():
            del self.reads[after]
        else:
            asyncio.get_running_loop().call_later(READ_KEPT, self._forget, after, read)


class Hub:
    """Everything of it runs on the event loop."""

    def __init__(self, log: RunLog, precedence: Precedence) -> None:
        self.feeds = Feeds(log, self._wake)
        self._precedence = precedence
        self._chats: dict[UUID, _Watch[selectors.ChatChange | None]] = {}
        self._lists: dict[UUID, _Watch[selectors.ListChange]] = {}
        self._reconciling: asyncio.Task[None] | None = None
        self._failed = 0
        """Reads that failed since that was last logged."""

    def start(self) -> None:
        """Begin to look at all versions each half minute; needs a running loop."""
        self.feeds.start()
        self._reconciling = asyncio.create_task(self._reconcile(), name="hub")

    async def stop(self) -> None:
        """End what `start` began."""
        await self.feeds.stop()
        if self._reconciling is not None:
            self._reconciling.cancel()
            await asyncio.gather(self._reconciling, return_exceptions=True)

    # --- Who looks at what --------------------------------------------------------------------------------------------

    def watch_chat(self, viewer: Viewer, chat: UUID) -> None:
        """From now on `viewer` hears of changes to `chat`. Call it before reading the chat, so that none is missed."""
        self._chats.setdefault(chat, _Watch(0)).viewers.add(viewer)

    def leave_chat(self, viewer: Viewer, chat: UUID) -> None:
        """Undo `watch_chat`."""
        watch = self._chats.get(chat)
        if watch is not None:
            watch.viewers.discard(viewer)
            if not watch.viewers:
                del self._chats[chat]
                self.feeds.leave(chat)

    def watch_list(self, viewer: Viewer, user: UUID) -> None:
        """From now on `viewer` hears of changes to the user's list of chats."""
        self._lists.setdefault(user, _Watch(0)).viewers.add(viewer)

    def leave_list(self, viewer: Viewer, user: UUID) -> None:
        """Undo `watch_list`."""
        watch = self._lists.get(user)
        if watch is not None:
            watch.viewers.discard(viewer)
            if not watch.viewers:
                del self._lists[user]

    # --- What viewers read --------------------------------------------------------------------------------------------

    def chat_version(self, chat: UUID) -> int:
        """The newest version of a watched chat that this process has heard of; 0 before any."""
        watch = self._chats.get(chat)
        return watch.version if watch is not None else 0

    def list_version(self, user: UUID) -> int:
        """The same for a person's list."""
        watch = self._lists.get(user)
        return watch.version if watch is not None else 0

    async def chat_change(self, chat: UUID, after: int, *, patient: bool = False) -> selectors.ChatChange | None:
        """What changed in a watched chat after version `after`: see `selectors.chat_change`. Raises `Unavailable`, soon
        to a writer, which has other things to send meanwhile; who is `patient` waits as for any other query."""
        watch = self._chats.get(chat)
        if watch is None:
            return None
        change = await watch.read(after, lambda: in_database(selectors.chat_change, chat, after), patient=patient)
        if change is not None:
            # Heard of by reading, before or without a note: the others have to look too.
            self.heard(Move(chats={chat: change.version}))
        return change

    async def snapshot(self, chat: UUID) -> selectors.Snapshot | None:
        """A chat as it is, for somebody who opens it: see `selectors.snapshot`. Raises `Unavailable`."""
        with self._precedence.asking():
            return await in_database(selectors.snapshot, chat)

    async def list_change(self, user: UUID, after: int) -> selectors.ListChange:
        """What changed in a list after version `after`, nothing if it is not watched: see `selectors.list_change`."""
        watch = self._lists.get(user)
        if watch is None:
            return selectors.ListChange(version=after, chats=[], removed=[])
        change = await watch.read(after, lambda: in_database(selectors.list_change, user_id=user, after=after))
        self.heard(Move(users={user: change.version}))
        return change

    def read_failed(self, problem: ChatError) -> None:
        """A viewer could not be told something, and asks again. Logged for all of them together."""
        if not self._failed:
            asyncio.get_running_loop().call_later(FAILED_EVERY, self._log_failed, problem)
        self._failed += 1

    def _log_failed(self, problem: ChatError) -> None:
        what = "sockets wait for the database: %d reads failed (%s); they are tried again"
        logger.warning(what, self._failed, problem.code)
        self._failed = 0

    # --- What moves ---------------------------------------------------------------------------------------------------

    def heard(self, move: Move) -> None:
        """Something was committed, here or elsewhere: wake who looks at it."""
        for chat, version in move.chats.items():
            chat_watch = self._chats.get(chat)
            if chat_watch is not None and chat_watch.heard(version):
                for viewer in chat_watch.viewers:
                    viewer.chat_moved(chat)
        for user, version in move.users.items():
            list_watch = self._lists.get(user)
            if list_watch is not None and list_watch.heard(version):
                for viewer in list_watch.viewers:
                    viewer.list_moved()

        for user in move.sessions:
            watch = self._lists.get(user)
            for viewer in watch.viewers if watch is not None else ():
                viewer.session_moved()

    def _wake(self, chat: UUID) -> None:
        watch = self._chats.get(chat)
        if watch is not None:
            for viewer in watch.viewers:
                viewer.chat_moved(chat)

    async def _reconcile(self) -> None:
        """Make up for everything that was not heard of."""
        while True:
            await asyncio.sleep(RECONCILE)
            try:
                for chats in _in_portions(list(self._chats)):
                    self.heard(Move(chats=await in_database(selectors.versions, chats)))
                for users in _in_portions(list(self._lists)):
                    self.heard(Move(users=await in_database(selectors.list_versions, users)))
            except ChatError:
                logger.warning("the database does not answer; versions are looked at again in %d s", RECONCILE)
            except Exception:
                logger.exception("versions are looked at again in %d s", RECONCILE)


def _in_portions(ids: list[UUID]) -> Iterator[list[UUID]]:
    """As many at once as any database takes in one query."""
    for start in range(0, len(ids), PORTION):
        yield ids[start : start + PORTION]
