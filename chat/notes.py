"""Notes between processes over the channel layer: "this has moved, look again".

One group for all, one channel a process, ten notes a second at most however much moves: within a note the newest
version wins. A note may be lost, repeated or late. Nothing waits for the layer: a request or a transaction only adds to
the next note.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from channels.layers import get_channel_layer
from django.conf import settings

from chat.services.announce import Move

logger = logging.getLogger(__name__)

GROUP = "polylogue"
EVERY = 0.1
"""Seconds between notes."""
APART_WITHIN = 2.0
"""Seconds that a process which is no worker tries to tell the workers something."""
AGAIN = 1.0
"""Seconds until a layer that failed is tried again."""


class _Next:
    """The next note: of all that was told since the last one, the newest."""

    def __init__(self) -> None:
        self.chats: dict[UUID, int] = {}
        self.users: dict[UUID, int] = {}
        self.stops: set[UUID] = set()
        self.sessions: set[UUID] = set()
        self.runs: dict[UUID, int] = {}

    def add(self, move: Move) -> None:
        """Commits of several threads are told of in any order."""
        for versions, told in ((self.chats, move.chats), (self.users, move.users)):
            for key, version in told.items():
                versions[key] = max(version, versions.get(key, 0))
        self.stops.update(move.stops)
        self.sessions.update(move.sessions)

    def note(self, sender: str) -> dict[str, Any]:
        """As it is sent."""
        return {
            "type": "note",
            "from": sender,
            "chats": {str(chat): version for chat, version in self.chats.items()},
            "users": {str(user): version for user, version in self.users.items()},
            "stops": [str(run) for run in self.stops],
            "sessions": [str(user) for user in self.sessions],
            "runs": {str(run): seq for run, seq in self.runs.items()},
        }


class Notes:
    """Sends what this process tells, and passes on what others told."""

    def __init__(self, heard: Callable[[Move], None], grew: Callable[[dict[UUID, int]], None]) -> None:
        """`heard` is called with what other processes committed, `grew` with the newest seqs of their runs."""
        self._heard = heard
        self._grew = grew
        self._me = uuid4().hex
        self._next = _Next()
        self._some = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.sent = 0
        """Notes given to the layer so far."""

    def start(self) -> None:
        """Begin to send and listen; needs a running loop."""
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._listen())]

    async def stop(self) -> None:
        """End what `start` began. A layer that is just connecting may swallow a cancellation, so it is said again."""
        left = set(self._tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=EVERY)

    def tell(self, move: Move) -> None:
        """Put this into the next note."""
        self._next.add(move)
        self._some.set()

    def tell_run(self, run: UUID, seq: int) -> None:
        """Put into the next note how far a run of this process is."""
        self._next.runs[run] = seq
        self._some.set()

    async def _send(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            told, self._next = self._next, _Next()
            try:
                await _layer().group_send(GROUP, told.note(self._me))
                self.sent += 1
            except Exception:
                logger.warning("a note to the other processes was lost; they look again by themselves", exc_info=True)
            await asyncio.sleep(EVERY)

    async def _listen(self) -> None:
        while True:
            channel = ""
            try:
                channel = await _layer().new_channel()
                await _layer().group_add(GROUP, channel)
                while True:
                    self._hear(await _layer().receive(channel))
            except Exception:
                logger.warning("the channel layer does not answer; tried again in %.0f s", AGAIN, exc_info=True)
            # The layer would keep every later note for a channel that nobody reads any more.
            with contextlib.suppress(Exception):
                await _layer().group_discard(GROUP, channel)
            await asyncio.sleep(AGAIN)

    def _hear(self, note: dict[str, Any]) -> None:
        try:
            if note["from"] != self._me:
                self._heard(_move(note))
                self._grew({UUID(run): seq for run, seq in note["runs"].items()})
        except Exception as problem:  # noqa: BLE001  # whatever is in it
            # Perhaps of another version, while one replaces the other.
            logger.warning("a note was not understood; what it told is found by looking (%r)", problem)


class _Apart:
    """Sends what is told in a process that is no worker: in a thread, of which there is one at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = _Next()
        self._some = self._sending = False

    def tell(self, move: Move) -> None:
        """Put this into the next note. Returns at once."""
        with self._lock:
            self._next.add(move)
            self._some = True
            if not self._sending:
                threading.Thread(target=asyncio.run, args=(self._send(),), name="note").start()
                self._sending = True

    async def _send(self) -> None:
        while told := self._take():
            try:
                async with asyncio.timeout(APART_WITHIN):
                    await _layer().group_send(GROUP, told.note(""))
            except Exception:
                logger.warning("a note to the workers was lost; they look again by themselves", exc_info=True)
            await asyncio.sleep(EVERY)

    def _take(self) -> _Next | None:
        """The next note. None where nothing was told since the last one: then this thread ends."""
        with self._lock:
            if not self._some:
                self._sending = False
                return None
            told, self._next, self._some = self._next, _Next(), False
            return told


_apart = _Apart()


def tell_apart(sender: object, move: Move, **_: object) -> None:
    """Tell the workers what a process committed that is none: a shell, a management command, a server under WSGI.

    Returns at once. Without Redis there is no way to the one worker, which finds out by looking.
    """
    if settings.REDIS_URL:
        _apart.tell(move)


def _layer() -> Any:
    return get_channel_layer()


def _move(note: dict[str, Any]) -> Move:
    return Move(
        chats={UUID(chat): version for chat, version in note["chats"].items()},
        users={UUID(user): version for user, version in note["users"].items()},
        stops=tuple(UUID(run) for run in note["stops"]),
        sessions=tuple(UUID(user) for user in note["sessions"]),
    )
