"""Rows of the processes that own runs."""

from __future__ import annotations

from uuid import UUID

from chat.models import Worker


def register_worker(*, name: str) -> UUID:
    """Make the row of this process; returns its id. `name` (host and process id) is for people."""
    return Worker.objects.create(name=name[:200]).id


def remove_worker(*, worker_id: UUID) -> None:
    """Remove the row of a process that ends in order; its runs have ended before."""
    Worker.objects.filter(id=worker_id).delete()
