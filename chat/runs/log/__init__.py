"""The log of runs in flight: what every implementation promises. `database` keeps it in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol
from uuid import UUID


class Append(NamedTuple):
    """Events for one run's log. They count only if the run's token is `token` and its last event is `after`."""

    run: UUID
    token: UUID
    after: int
    events: Sequence[bytes]
    """JSON; their seqs are `after + 1`, `after + 2`, …"""


class Appended(Enum):
    """What became of an `Append`."""

    WRITTEN = "written"
    """It is durable, by this call or by an earlier one of the same bytes."""
    REFUSED = "refused"
    """The token is not the run's any more: another process owns the run. Nothing was written; drop the run."""
    MISMATCH = "mismatch"
    """The log's last event is not `after`, or it has other bytes there. Nothing was written."""


class RunLog(Protocol):
    """Keeps the events of runs until two minutes after their end.

    Worked example: the log of a run has 1..3. `Append(after=3, events=[d])` makes it 1..4. The same call again (its
    first answer was lost) is WRITTEN and changes nothing. `Append(after=3, events=[x])` is a MISMATCH, and so is
    `Append(after=5, events=[e])`.
    """

    async def append(self, appends: Sequence[Append]) -> list[Appended]:
        """Write the events of several runs, one answer each in the same order; one run's refusal or fault does not
        touch the others. At most one `Append` a run.

        Raises `Unavailable` when the store does not answer: some or all may have been written. Call again with the same
        bytes before anything newer.
        """
        ...

    async def replace(self, run: UUID, token: UUID, events: Sequence[bytes]) -> Appended:
        """Make the log of a run exactly `events`, from seq 1: for its owner, whose log was lost (a MISMATCH).

        WRITTEN, or REFUSED where `token` is not the run's; the caller has asked the run's row first, because a store
        that has lost the events may have lost the token too. Raises `Unavailable`.
        """
        ...

    async def seal(self, run: UUID, token: UUID) -> None:
        """From now on only appends with `token` count, also when the events have gone. The caller has changed the run's
        row first. Raises `Unavailable`."""
        ...

    async def read(self, run: UUID, after: int = 0) -> list[bytes]:
        """The events after seq `after`, in order without a gap; none for a run without events. Raises `Unavailable`."""
        ...

    async def expire(self, runs: Iterable[UUID]) -> None:
        """These runs have ended: two minutes from now their events may go. Raises `Unavailable`."""
        ...

    async def close(self) -> None:
        """Free connections and threads; nothing may be called afterwards."""
        ...
