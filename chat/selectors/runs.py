"""Runs, as sockets, owners and those who take over look at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, Q
from django.db.models.functions import Now

from chat.models import Run, Worker
from chat.protocol.objects import RunObject
from chat.selectors.rows import run_object


def runs_of(run_ids: Iterable[UUID]) -> dict[UUID, RunObject]:
    """Several runs by id. For the hub: no permission is implied."""
    return {run.id: run_object(run) for run in Run.objects.filter(id__in=list(run_ids))}


def resumable_runs(chat_id: UUID, run_ids: Iterable[UUID]) -> dict[UUID, tuple[RunObject, int]]:
    """The live runs of a chat and those of `run_ids` that are the chat's, each with the chat's version at its last
    change. For the socket, which has checked membership.
    """
    # The chat on either side: before both, SQLite would look through all runs that the chat ever had.
    runs = Run.objects.filter(Q(chat=chat_id, status=Run.Status.RUNNING) | Q(chat=chat_id, id__in=list(run_ids)))
    return {run.id: (run_object(run), run.version) for run in runs}


@dataclass(frozen=True, slots=True)
class Orphan:
    """A running run that no task works on, as recovery needs it."""

    run: UUID
    chat: UUID
    token: UUID


def stale_runs(worker_id: UUID, *, lease: float, fresh: float) -> list[Orphan]:
    """Running runs whose owner is gone, or has not said for `lease` seconds (by the database's clock) that it lives.

    None where `worker_id`, who asks, has not said so itself in the last `fresh` seconds: a database that stood still
    while it was asked this has heard nothing of anyone.
    """
    asking = Worker.objects.filter(id=worker_id, heartbeat_at__gte=Now() - timedelta(seconds=fresh))
    gone = Q(owner=None) | Q(owner__heartbeat_at__lt=Now() - timedelta(seconds=lease))
    found = Run.objects.filter(Exists(asking), gone, status=Run.Status.RUNNING).values_list("id", "chat_id", "token")
    return [Orphan(run=run, chat=chat, token=token) for run, chat, token in found]


def is_oldest_worker(worker_id: UUID, lease: float) -> bool:
    """Whether no worker that has been heard of in the last `lease` seconds has an older row, by what the rows say."""
    alive = Worker.objects.filter(heartbeat_at__gte=Now() - timedelta(seconds=lease))
    return bool(alive.order_by("started_at", "id").values_list("id", flat=True).first() == worker_id)


@dataclass(frozen=True, slots=True)
class OwnRun:
    """A running run of one worker, as its heartbeat looks at it."""

    run: UUID
    chat: UUID
    reply: UUID
    agent: str
    token: UUID
    stop_requested: bool


def runs_of_worker(worker_id: UUID) -> list[OwnRun]:
    """The running runs that the worker owns by their rows."""
    found = Run.objects.filter(owner=worker_id, status=Run.Status.RUNNING).values_list(
        "id", "chat_id", "reply_id", "agent", "token", "stop_requested"
    )
    return [OwnRun(*row) for row in found]


def running_runs() -> list[Orphan]:
    """Every run that is `running`, whoever owns it."""
    found = Run.objects.filter(status=Run.Status.RUNNING).values_list("id", "chat_id", "token")
    return [Orphan(run=run, chat=chat, token=token) for run, chat, token in found]


def owns_run(run_id: UUID, token: UUID) -> bool:
    """Whether the run is still running under this token."""
    return Run.objects.filter(id=run_id, token=token, status=Run.Status.RUNNING).exists()
