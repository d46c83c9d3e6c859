"""How runs end: stop is a wish, the end a compare-and-set that only one can win."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from chat.models import Chat, Member, Message, Run
from chat.protocol.codes import NotFound
from chat.protocol.events import TokenUsage
from chat.protocol.objects import ErrorObject, Part, RunStatus, Timing
from chat.protocol.transcript import merged
from chat.services.announce import Move, announce
from chat.services.chats import bump_lists

MESSAGE_STATUS: dict[RunStatus, Message.Status] = {
    "completed": Message.Status.COMPLETE,
    "stopped": Message.Status.STOPPED,
    "interrupted": Message.Status.INTERRUPTED,
    "failed": Message.Status.FAILED,
}
TITLE_WITHIN = 4
"""A model may name a chat that has so many messages at most: who found no name for two exchanges finds none later."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that this call ended."""

    unnamed: bool
    """Whether its chat has just begun and is called by its first words yet, so that a model may name it."""


def request_stop(*, user_id: UUID, run_id: UUID) -> None:
    """Record that a run should stop; its owner is told and looks. A run that has ended stays as it is.
    Raises `NotFound`, also for a run in a chat that the user is not a member of.
    """
    with transaction.atomic():
        run = Run.objects.filter(id=run_id, chat__deleted_at=None).only("id", "chat_id", "status").first()
        if run is None or not Member.objects.filter(chat_id=run.chat_id, user_id=user_id).exists():
            raise NotFound
        if Run.objects.filter(id=run_id, status=Run.Status.RUNNING).update(stop_requested=True):
            announce(Move(stops=(run_id,)))


def finish_run(
    *,
    run_id: UUID,
    chat_id: UUID,
    token: UUID,
    status: RunStatus,
    parts: list[Part],
    last_seq: int,
    usage: list[TokenUsage] | None = None,
    error: ErrorObject | None = None,
    timing: Timing | None = None,
) -> Ended | None:
    """End a run: its status, usage and `last_seq`, and `parts`, all that its events made, in its reply, with `timing`
    where it is known how fast they came.

    None when it has ended already, is gone, or has another `token` by now, and then nothing is changed. However many
    race, one wins. `last_seq` is that of the terminal event, which the caller appends to the log afterwards; a reader
    that misses it makes it from the row.
    """
    with transaction.atomic():
        chat = Chat.objects.select_for_update().filter(id=chat_id).first()
        if chat is None:
            return None
        version = chat.version + 1
        problem = error or ErrorObject(code="", message="")
        won = Run.objects.filter(id=run_id, status=Run.Status.RUNNING, token=token).update(
            status=status,
            version=version,
            # Else the row of a process could not go without rewriting every run that it ever had.
            owner=None,
            last_seq=last_seq,
            usage=msgspec.to_builtins(usage or []),
            error_code=problem.code,
            error_message=problem.message,
            ended_at=timezone.now(),
        )
        if not won:
            return None
        reply = Message.objects.filter(run=run_id)
        last = {
            "status": MESSAGE_STATUS[status],
            "version": version,
            "error_code": problem.code,
            "error_message": problem.message,
            "timing": msgspec.to_builtins(timing),
        }
        if not reply.filter(parts=[]).update(parts=msgspec.to_builtins(parts), **last):
            # What earlier runs of the same reply have left goes before.
            earlier = msgspec.convert(reply.values_list("parts", flat=True).get(), list[Part])
            reply.update(parts=msgspec.to_builtins(merged(earlier, parts)), **last)
        chat.version = version
        chat.save(update_fields=["version"])
        announce(Move(chats={chat.id: version}, users=bump_lists(chat)))
        by_words = chat.deleted_at is None and chat.titled_by == Chat.TitledBy.WORDS
        return Ended(unnamed=by_words and chat.last_position <= TITLE_WITHIN)


def seal_run(*, run_id: UUID, token: UUID, worker_id: UUID) -> UUID | None:
    """Take a run from its owner for `worker_id`: from now on appends and ends with `token` are refused. Returns the new
    token, or None when the run has ended or another took it first.
    """
    new = uuid.uuid4()
    won = Run.objects.filter(id=run_id, status=Run.Status.RUNNING, token=token).update(token=new, owner=worker_id)
    return new if won else None
