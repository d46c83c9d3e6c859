"""Rows of the processes that own runs."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from chat.models import Worker


def register_worker(*, name: str) -> UUID:
    """Make the row of this process; returns its id. `name` (host and process id) is for people."""
    return Worker.objects.create(name=name[:200]).id


def beat(*, worker_id: UUID, name: str) -> None:
    """Say that this process lives, by the database's clock; makes its row again if somebody removed it."""
    if not Worker.objects.filter(id=worker_id).update(heartbeat_at=Now()):
        Worker.objects.create(id=worker_id, name=name[:200])


def remove_worker(*, worker_id: UUID) -> None:
    """Remove the row of a process that ends in order; its runs have ended before."""
    Worker.objects.filter(id=worker_id).delete()
