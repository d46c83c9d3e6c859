"""The events of runs that may be shown here: of this process's own runs, and of others' that somebody here looks at.

A *local* feed is the transcript that the flusher fills. A *remote* one is filled from the log: at once when a note says
that it grew, and once a second whatever notes say. Either way a reader finds a transcript that only grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from uuid import UUID

from msgspec import MsgspecError

from chat.protocol import frames
from chat.protocol.codes import ChatError, Unavailable
from chat.protocol.frames import Sendable
from chat.protocol.transcript import Transcript
from chat.runs.log import RunLog

logger = logging.getLogger(__name__)

KEPT = 120.0
"""Seconds for which an ended run's events can still be had by those who reconnect in the middle of them."""
LOOK = 1.0
"""Seconds between looks at remote runs that no note spoke of."""
GRACE = 1.5
"""Seconds after which a remote run that has ended by its row is not waited for any more in its log."""
FIRST_READ = 2.0
"""Seconds that a reader waits for the first look at a remote run."""
AGAIN = 0.05
"""Seconds between two looks for a log that must be about to come."""
NOT_THERE = "A reply in this chat cannot be read just now; try again in a moment."
TERMINAL = (b'{"type":"RUN_FINISHED"', b'{"type":"RUN_ERROR"')


async def read_log(log: RunLog, run: UUID) -> Transcript:
    """What the log of a run has. Raises `Unavailable`."""
    transcript = Transcript()
    for data in await log.read(run):
        transcript.append_json(data)
    return transcript


class Feed:
    """The events of one run that may be shown."""

    __slots__ = ("_of", "_slice", "chat", "closed", "known", "read", "remote", "run", "transcript")

    def __init__(self, run: UUID, chat: UUID, transcript: Transcript, *, remote: bool = False) -> None:
        self.run = run
        self.chat = chat
        self.transcript = transcript
        self.closed = False
        """No event will come any more, whether the terminal one came or not."""
        self.remote = remote
        self.known = 0
        """The newest seq that a note spoke of."""
        self.read = asyncio.Event()
        """The log has been read at least once."""
        self._of = frames.run_events_of(chat, run)
        self._slice: tuple[int, int, Sendable] | None = None

    @property
    def seq(self) -> int:
        return self.transcript.seq

    def frame(self, after: int) -> tuple[int, Sendable]:
        """A `run.events` frame for a reader at `after` (below `seq`) and the seq that it reaches. Readers at the same
        place, as all tabs that keep up are, share it."""
        if self._slice is None or self._slice[0] != after or self._slice[1] != self.seq:
            seq, events = self.transcript.since(after, frames.FRAME_BUDGET)
            self._slice = (after, seq, Sendable(frames.run_events(self._of, after, seq, events)))
        return self._slice[1], self._slice[2]


class Feeds:
    """All feeds of one process. Everything of it runs on the event loop."""

    def __init__(self, log: RunLog, wake: Callable[[UUID], None]) -> None:
        """`wake` is called with a chat whose feeds have moved."""
        self._log = log
        self._wake = wake
        self._feeds: dict[UUID, Feed] = {}
        self._due: dict[UUID, None] = {}
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._answers = True
        """Whether the log answered the last time: while it does not, nobody waits for it."""

    def start(self) -> None:
        """Begin to follow remote runs; needs a running loop."""
        self._task = asyncio.create_task(self._look(), name="feeds")

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- Runs of this process -----------------------------------------------------------------------------------------

    def open(self, run: UUID, chat: UUID, transcript: Transcript) -> None:
        """A run of this process can be shown from now on, as far as its transcript has it."""
        before = self._feeds.get(run)
        self._feeds[run] = Feed(run, chat, transcript)
        if before is not None:
            # Somebody heard of the run before its task began, and waits.
            before.read.set()
        self._wake(chat)

    def grew(self, run: UUID) -> None:
        """The transcript of a run of this process has more."""
        feed = self._feeds.get(run)
        if feed is not None:
            self._wake(feed.chat)

    def close(self, run: UUID) -> None:
        """No more events will come; those that came can be read for `KEPT` seconds more."""
        feed = self._feeds.get(run)
        if feed is not None:
            self._close(feed)

    def lose(self, run: UUID) -> None:
        """The run is another process's now: who looks at it follows the log from here on."""
        feed = self._feeds.pop(run, None)
        if feed is not None:
            self._wake(feed.chat)

    # --- Reading ------------------------------------------------------------------------------------------------------

    def of(self, run: UUID) -> Feed | None:
        """The feed of a run, where this process has one."""
        return self._feeds.get(run)

    def follow(self, run: UUID, chat: UUID) -> Feed:
        """The feed of a live run, wherever it is: one that this process does not own is read from its log."""
        feed = self._feeds.get(run)
        if feed is None:
            feed = self._feeds[run] = Feed(run, chat, Transcript(), remote=True)
            self._look_at(run)
        return feed

    async def ready(self, run: UUID, chat: UUID) -> Feed:
        """`follow`, returning once there is something to see: a remote run has been read. Raises `Unavailable`."""
        feed = self.follow(run, chat)
        if feed.remote and not feed.read.is_set():
            if not self._answers:
                raise Unavailable
            try:
                async with asyncio.timeout(FIRST_READ):
                    await feed.read.wait()
            except TimeoutError:
                raise Unavailable from None
        return self._feeds.get(run, feed)

    async def newest(self, run: UUID) -> Transcript:
        """The events of a live run, as far as they can be had here: never fewer than anyone here was shown. It is not
        followed for that. Raises `Unavailable`, also where a log without events may be one that was lost."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + FIRST_READ
        while True:
            feed = self._feeds.get(run)
            if feed is None:
                transcript = await read_log(self._log, run)
            else:
                if feed.remote and not feed.closed and self._answers:
                    await self._read(feed)
                transcript = feed.transcript
            if transcript.seq or (feed is not None and not feed.remote):
                return transcript
            # It has just begun, or its owner is about to write it again.
            if clock() > deadline:
                raise Unavailable(NOT_THERE)
            await asyncio.sleep(AGAIN)

    async def has_shown(self, run: UUID, chat: UUID, seq: int) -> bool:
        """Whether the events of a live run are here up to `seq`, so that its next ones can follow. Who comes from its
        owner may be ahead of what was read here last: then the log is read once more. Raises `Unavailable`."""
        feed = await self.ready(run, chat)
        if seq > feed.seq and feed.remote and not feed.closed and self._answers:
            await self._read(feed)
        return 0 <= seq <= feed.seq

    def leave(self, chat: UUID) -> None:
        """Nobody here looks at a chat any more: its remote runs are not followed."""
        for feed in [feed for feed in self._feeds.values() if feed.remote and feed.chat == chat]:
            del self._feeds[feed.run]

    def ended(self, run: UUID) -> None:
        """The row of a run says that it has ended; a remote one's last events should be in its log by now."""
        feed = self._feeds.get(run)
        if feed is not None and feed.remote and not feed.closed:
            self._look_at(run)
            asyncio.get_running_loop().call_later(GRACE, self._give_up, feed)

    def heard(self, seqs: Mapping[UUID, int]) -> None:
        """Another process says how far its runs are."""
        for run, seq in seqs.items():
            feed = self._feeds.get(run)
            if feed is not None and feed.remote and seq > feed.seq:
                feed.known = seq
                self._look_at(run)

    # --- Following ----------------------------------------------------------------------------------------------------

    def _close(self, feed: Feed) -> None:
        if not feed.closed:
            feed.closed = True
            self._wake(feed.chat)
            asyncio.get_running_loop().call_later(KEPT, self._expire, feed)

    def _expire(self, feed: Feed) -> None:
        if self._feeds.get(feed.run) is feed:
            del self._feeds[feed.run]

    def _give_up(self, feed: Feed) -> None:
        if self._feeds.get(feed.run) is feed:
            self._close(feed)

    def _look_at(self, run: UUID) -> None:
        self._due[run] = None
        self._some.set()

    async def _look(self) -> None:
        clock = asyncio.get_running_loop().time
        everything_at = clock() + LOOK
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(everything_at):
                    await self._some.wait()
            # Also where notes of other runs come all the time.
            if clock() >= everything_at:
                self._due = {run: None for run, feed in self._feeds.items() if feed.remote and not feed.closed}
                everything_at = clock() + LOOK
            self._some.clear()
            due, self._due = list(self._due), {}
            feeds = [feed for run in due if (feed := self._feeds.get(run)) is not None and feed.remote]
            await asyncio.gather(*(self._read(feed) for feed in feeds))

    async def _read(self, feed: Feed) -> None:
        after = feed.seq
        try:
            events = await self._log.read(feed.run, after)
        except ChatError:
            # Nothing is known, which is not the same as nothing being there: the next look asks again.
            self._answers = False
            return
        self._answers = True
        # Another read of the same may have been quicker.
        events = events[feed.seq - after :]
        try:
            for data in events:
                feed.transcript.append_json(data)
        except MsgspecError:
            ids = {"run": feed.run, "chat": feed.chat}
            logger.exception("run %s: event %d of its log is not readable", feed.run, feed.seq + 1, extra=ids)
            self._close(feed)
        if events:
            feed.read.set()
            if events[-1].startswith(TERMINAL):
                self._close(feed)
            self._wake(feed.chat)
