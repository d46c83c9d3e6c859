"""A client that follows chats as the page does: it keeps a state, opens chats from its cursors, and comes back after
every cut. It also checks what every client may rely on: on one socket, each frame goes on where the one before ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed

from tests import TIMEOUT
from tests.people import Person
from tests.state import Frame, OpenChat, State, reduce
from tests.wire import RefusedCommand, Wire

AGAIN = 0.01
"""Seconds before it comes back, where a test names none."""
LISTS = ("chats?limit=100", "chats?limit=100&archived=true")


class Follower:
    """Follows `chats`. `cuts`: on each connection but the last, the number of frames after which it is cut; `pauses`:
    seconds before it comes back. Without any it is never cut. `follow` runs until it is cancelled.
    """

    def __init__(
        self, person: Person, chats: Iterable[str], *, cuts: Iterable[int] = (), pauses: Iterable[float] = ()
    ) -> None:
        self.person = person
        self.wanted = list(chats)
        self.state = State()
        self.frames = 0
        """Frames handled on all connections."""
        self.shown: Counter[str] = Counter()
        """Frames handled, by type."""
        self.opened: Counter[bool] = Counter()
        """Opened again with cursors: how often it was resumed, and how often not."""
        self.cut_after: list[Frame] = []
        """The last frame before each cut."""
        self.faults: list[str] = []
        """What the server did that it must not."""
        self.offline = asyncio.Event()
        """Set while a cut follower waits for `online`."""
        self.online = asyncio.Event()
        """Cleared, it keeps a follower that was cut from coming back."""
        self.online.set()
        self._cuts = iter(cuts)
        self._pauses: Iterator[float] = iter(pauses)
        self._changed = asyncio.Event()
        self._opening: dict[str, OpenChat] = {}
        self._fresh: set[str] = set()
        self._early: list[Frame] | None = None
        self._wire: Wire

    async def follow(self) -> None:
        """Connect, and again after every end of a connection."""
        while True:
            self._opening, self._fresh, self._early = {}, set(), []
            self._left, self._cut = next(self._cuts, 0), False
            self._wire = Wire(self.person, on_frame=self._handle)
            try:
                await self._wire.connect()
                try:
                    await self._stay()
                finally:
                    self._wire.cut()
                    await asyncio.shield(self._wire.closed)
            except (ConnectionClosed, OSError):
                pass
            self.offline.set()
            await asyncio.sleep(next(self._pauses, AGAIN))
            await self.online.wait()
            self.offline.clear()

    async def until(self, seen: Callable[[State], bool]) -> None:
        """Wait until `seen(state)`."""
        async with asyncio.timeout(2 * TIMEOUT):
            while not seen(self.state):
                self._changed.clear()
                await self._changed.wait()

    async def _stay(self) -> None:
        """After hello: the lists by HTTP, then the chats from their cursors, until the connection ends."""
        await self._wire.frame("hello")
        chats = await listed(self.person)
        kept = {chat: known for chat, known in self.state.open.items() if chat in chats}
        self.state = State(chats=chats, open={})
        early, self._early = self._early or [], None
        for frame in early:
            self.state = reduce(self.state, frame)
        for chat in self.wanted:
            if chat in self.state.chats:
                await self._open(chat, kept.get(chat))
        # What comes back later is opened again, one task after another.
        while True:
            await self._open(await self._wire.until(self._missing, within=None), None)

    def _missing(self) -> str | None:
        """A chat that is there and wanted, and not followed."""
        return next((chat for chat in self.wanted if chat in self.state.chats and chat not in self.state.open), None)

    async def _open(self, chat: str, known: OpenChat | None) -> None:
        cursors: dict[str, Any] = {}
        if known is not None and known.ready:
            cursors = {"version": known.version, "runs": known.cursors}
        self._opening[chat] = known or OpenChat()
        try:
            ack = await self._wire.ask("chat.open", chat=chat, **cursors)
        except RefusedCommand as refused:
            # Deleted since the list was fetched, as the list is about to say.
            if refused.code != "not_found":
                raise
            self._opening.clear()
            return
        if cursors:
            self.opened[ack["resumed"]] += 1

    def _handle(self, frame: Frame) -> None:
        if self._cut:
            return
        self.frames += 1
        self.shown[frame["type"]] += 1
        if frame["type"] == "chats.changed" and self._early is not None:
            self._early.append(frame)
        else:
            self._check(frame)
            self.state = reduce(self.state, frame)
        if frame["type"] == "ack" and "resumed" in frame and self._opening:
            # Commands are answered in order, and one chat is opened at a time.
            chat, known = self._opening.popitem()
            self.state = self.state.following(chat, known if frame["resumed"] else OpenChat())
            if not frame["resumed"]:
                self._fresh.add(chat)
        for chat, known in self.state.open.items():
            if known.reopen:
                self.faults.append(f"{chat} has to be opened again ({known.reopen}) after {frame}")
        self._changed.set()
        self._left -= 1
        if self._left == 0:
            self._cut = True
            self.cut_after.append(frame)
            self._wire.cut()

    def _check(self, frame: Frame) -> None:
        chat = frame.get("chat") if frame["type"] in ("chat.changed", "run.events") else None
        if frame["type"] == "chat.snapshot":
            self._fresh.discard(frame["chat"]["id"])
        if chat is None:
            return
        known = self.state.open.get(chat)
        if known is None:
            # Deleted a moment ago: what was on its way may still come.
            return
        if chat in self._fresh:
            self.faults.append(f"a snapshot was due before {frame}")
        run = known.runs.get(frame["run"]) if frame["type"] == "run.events" else None
        cursor = known.version if frame["type"] == "chat.changed" else run["seq"] if run else None
        if frame["after"] != cursor:
            self.faults.append(f"at {cursor} came {frame}")


class Follows(Protocol):
    """What follows something until it is cancelled."""

    async def follow(self) -> None: ...


@contextlib.asynccontextmanager
async def following(*followers: Follows) -> AsyncIterator[None]:
    """All of them follow until the block ends; one that fails ends it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follower.follow()) for follower in followers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def listed(person: Person) -> dict[str, Any]:
    """Every chat of this person by id, put away or not, at its newest."""
    pages = [await person.api("GET", path) for path in LISTS]
    chats: dict[str, Any] = {}
    for chat in (chat for page in pages for chat in page["chats"]):
        if chat["version"] >= chats.get(chat["id"], chat)["version"]:
            chats[chat["id"]] = chat
    return chats


async def settled(person: Person, *followers: Follower) -> None:
    """Wait until no run is under way, and then until all of these know the newest version of everything.

    Raises `AssertionError` that says what one of them does not hear of.
    """
    async with asyncio.timeout(2 * TIMEOUT):
        chats = await listed(person)
        while any(chat["live"] for chat in chats.values()):
            await asyncio.sleep(0.02)
            chats = await listed(person)
    newest = {chat_id: chat["version"] for chat_id, chat in chats.items()}

    def missing(follower: Follower) -> dict[str, Any]:
        known = {chat_id: chat["version"] for chat_id, chat in follower.state.chats.items()}
        wrong = {chat_id: known.get(chat_id) for chat_id in known.keys() | newest}
        followed = {f"open {chat_id}": chat.version for chat_id, chat in follower.state.open.items()}
        due = {f"open {chat_id}": newest[chat_id] for chat_id in follower.wanted if chat_id in newest}
        return {
            name: has
            for name, has in (wrong | dict.fromkeys(due) | followed).items()
            if has != (newest | due).get(name)
        }

    # All at one moment: who knew everything may be cut again while another is waited for.
    while late := [follower for follower in followers if missing(follower)]:
        for follower in late:
            try:
                await follower.until(functools.partial(lambda follower, _: not missing(follower), follower))
            except TimeoutError:
                raise AssertionError(
                    f"a client does not hear of {missing(follower)}; the newest are {newest}"
                ) from None


async def fresh_state(person: Person, chats: Iterable[str]) -> dict[str, Any]:
    """The state of someone who has just come, to compare others with."""
    newcomer = Follower(person, chats)
    async with following(newcomer):
        await settled(person, newcomer)
    assert not newcomer.faults
    return comparable(newcomer.state)


def comparable(state: State) -> dict[str, Any]:
    """What any two clients must agree on: the list, and of each chat all that a snapshot would bring."""
    return {
        "chats": dict(state.chats),
        "open": {
            chat: {
                "version": known.version,
                "messages": sorted(known.messages.values(), key=lambda message: message["position"]),
                "runs": {run_id: run for run_id, run in known.runs.items() if run["status"] == "running"},
            }
            for chat, known in state.open.items()
        },
    }
