"""Says, after a commit, what moved. A hint, never the truth: a listener reads the rows again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

moved = Signal()
"""Sent with `move: Move`, in the thread that committed."""


@dataclass(frozen=True, slots=True)
class Move:
    """Versions after a commit. A run in `stops` has been asked to stop."""

    chats: Mapping[UUID, int] = field(default_factory=dict)
    users: Mapping[UUID, int] = field(default_factory=dict)
    """Of the lists of chats, by user."""
    stops: tuple[UUID, ...] = ()
    sessions: tuple[UUID, ...] = ()
    """Users whose sessions may have ended."""


def announce(move: Move) -> None:
    """Send `moved` when the present transaction commits; never when it does not."""
    transaction.on_commit(lambda: moved.send(sender=None, move=move))
