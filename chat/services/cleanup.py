"""Removing what nobody can see any more: a batch a call, so that no statement is long and no lock is held for long.

Each function returns how much it removed, 0 when nothing is left. Safe to run at any time, and by several at once.
"""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from chat.models import Chat, Message, Run, RunEvent, Worker

LOG_KEPT = timedelta(minutes=2)
"""A log outlives its run by this, for those who reconnect in the middle of its last events."""
DELETED_KEPT = timedelta(days=1)
"""A deleted chat can be restored for this long."""
RUNS = 1000
"""Logs in a batch."""
EVENTS = 50_000
"""Of them, events in a batch."""
SLICE = 1000
"""Of them, events that go at once: streams wait while they are removed."""
PAUSE = 0.02
"""Seconds between slices, in which others get to write."""
CHATS = 500
"""Chats of nobody in a batch."""
MESSAGES = 100
"""Messages in a batch, of 1 MiB each at most."""


def remove_expired_logs() -> int:
    """Remove the events of runs that ended two minutes ago; returns how many. A full batch takes seconds."""
    # The `1` is no parameter: SQLite would not know that the index of first events has it.
    first = RunEvent.objects.extra(where=["chat_runevent.seq = 1"])
    expired = first.filter(run__ended_at__lt=timezone.now() - LOG_KEPT).values_list("run_id", flat=True)[:RUNS]
    # Nothing leads to the events of a run, so this passes over all that live ones have said: once for many slices.
    # The last ones first: by its first event a log is found again when the rest of it is due.
    found = RunEvent.objects.filter(run_id__in=list(expired)).order_by("-id").values_list("id", flat=True)
    events = list(found[:EVENTS])
    count = 0
    for start in range(0, len(events), SLICE):
        if start:
            time.sleep(PAUSE)
        count += RunEvent.objects.filter(id__in=events[start : start + SLICE]).delete()[0]
    return count


def delete_chats_of_nobody() -> int:
    """Delete chats whose only member was removed, so that they go a day later; returns how many."""
    # Whoever made it is gone too, which leads to them by an index.
    left = Chat.objects.filter(creator=None, members=None, deleted_at=None).values_list("id", flat=True)
    return Chat.objects.filter(id__in=list(left[:CHATS])).update(deleted_at=timezone.now())


def remove_deleted_chats() -> int:
    """Remove a piece of a chat that was deleted a day ago: its newest messages and their runs, with the first messages
    the chat itself. Returns how many rows.
    """
    due = timezone.now() - DELETED_KEPT
    # A log goes first: without its run nothing would say that it is due. The `1` is no parameter, as above.
    logged = RunEvent.objects.extra(where=["chat_runevent.seq = 1"]).filter(run__chat__deleted_at__lt=due)
    later = list(logged.values_list("run__chat_id", flat=True))
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        # Locked, so that it is not restored between the look and the end. What is locked by others is the next call's.
        old = Chat.objects.select_for_update(skip_locked=skip).filter(deleted_at__lt=due).order_by("deleted_at")
        chat = old.exclude(id__in=later).exclude(runs__status=Run.Status.RUNNING).first()
        if chat is None:
            return 0
        # Nobody restores what is left of it.
        count, _ = chat.members.all().delete()
        # The newest first: so nothing is left that follows what goes.
        messages = list(chat.messages.order_by("-position").values_list("id", flat=True)[:MESSAGES])
        count += Message.objects.filter(id__in=messages).only("id").delete()[0]
        if len(messages) < MESSAGES:
            count += chat.delete()[0]
        return count


def remove_ended_workers() -> int:
    """Remove rows of processes that have been silent for a day and own no running run; returns how many."""
    idle = Worker.objects.filter(heartbeat_at__lt=Now() - timedelta(days=1)).exclude(runs__status="running")
    count, _ = idle.delete()
    return count
