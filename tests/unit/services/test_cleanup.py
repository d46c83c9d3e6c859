"""What nobody can see any more is removed, and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from chat.database import close_pool_connections, in_database
from chat.models import Chat, Message, Run, RunEvent, Worker
from chat.protocol.codes import NotFound
from chat.services import cleanup
from chat.services.chats import delete_chat, restore_chat
from chat.services.cleanup import (
    DELETED_KEPT,
    LOG_KEPT,
    delete_chats_of_nobody,
    remove_deleted_chats,
    remove_ended_workers,
    remove_expired_logs,
)
from chat.services.messages import retry_reply
from chat.services.workers import beat, register_worker, remove_worker
from tests import TIMEOUT
from tests.chats import answer, asking, new_chat, new_user, say, talk

pytestmark = pytest.mark.django_db
MOMENT = timedelta(seconds=5)


def test_a_log_outlives_its_run_by_two_minutes() -> None:
    user = new_user()
    runs = []
    for ago in (LOG_KEPT + MOMENT, LOG_KEPT - MOMENT, None):
        posted = say(user, new_chat(user))
        RunEvent.objects.create(run_id=posted.run, seq=1, data="{}")
        if ago is not None:
            answer(posted)
            Run.objects.filter(id=posted.run).update(ended_at=timezone.now() - ago)
        runs.append(posted.run)
    assert remove_expired_logs() == 1
    assert set(RunEvent.objects.values_list("run_id", flat=True)) == set(runs[1:])
    assert remove_expired_logs() == 0


def test_the_log_is_looked_through_once_for_many_events() -> None:
    ended_with(2500)
    with CaptureQueriesContext(connection) as queries:
        assert remove_expired_logs() == 2500
    looks = [query["sql"] for query in queries if "ORDER BY" in query["sql"]]
    removals = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert (len(looks), len(removals)) == (1, 3)
    assert not RunEvent.objects.exists()


def test_what_is_left_of_a_log_whose_removal_was_cut_off_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(seconds: float) -> None:
        raise OperationalError("gone")

    ended_with(2500)
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", cut)
        with pytest.raises(OperationalError):
            remove_expired_logs()
    assert remove_expired_logs() == 1500


def ended_with(events: int) -> UUID:
    """A chat whose one run ended two minutes ago with so many events in its log."""
    user = new_user()
    chat = new_chat(user)
    posted = say(user, chat)
    RunEvent.objects.bulk_create(RunEvent(run_id=posted.run, seq=seq, data="{}") for seq in range(1, events + 1))
    answer(posted)
    Run.objects.filter(id=posted.run).update(ended_at=timezone.now() - LOG_KEPT - MOMENT)
    return chat


def test_a_deleted_chat_goes_with_all_it_has_after_a_day() -> None:
    user = new_user()
    old, recent, kept = (new_chat(user) for _ in range(3))
    for chat in (old, recent, kept):
        answer(say(user, chat))
    for chat, ago in ((old, DELETED_KEPT + MOMENT), (recent, DELETED_KEPT - MOMENT)):
        delete(user, chat, ago)
    # A chat, its member, two messages and a run.
    assert remove_deleted_chats() == 5
    assert remove_deleted_chats() == 0
    assert set(Chat.objects.values_list("id", flat=True)) == {recent, kept}
    assert Message.objects.count() == 4


def test_a_long_chat_goes_piece_by_piece_and_no_piece_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "MESSAGES", 2)
    user = new_user()
    old, kept = new_chat(user), new_chat(user)
    first = say(user, old)
    answer(first)
    talk(user, old, turns=2)
    answer(retry_reply(asking(user, old), message_id=first.reply))
    talk(user, kept)
    delete(user, old, DELETED_KEPT + MOMENT)
    assert remove_deleted_chats() == 5
    assert Message.objects.filter(chat=old).count() == 5
    with pytest.raises(NotFound):
        restore_chat(user_id=user, chat_id=old)
    assert sum(iter(remove_deleted_chats, 0)) == 8
    assert list(Chat.objects.values_list("id", flat=True)) == [kept]
    assert Message.objects.count() == 2
    assert Run.objects.count() == 1


def test_a_deleted_chat_goes_after_its_log_which_nothing_else_would_lead_to() -> None:
    chat, running = ended_with(2), new_chat(user := new_user())
    say(user, running)
    for each in (chat, running):
        Chat.objects.filter(id=each).update(deleted_at=timezone.now() - DELETED_KEPT - MOMENT)
    assert remove_deleted_chats() == 0
    assert remove_expired_logs() == 2
    with CaptureQueriesContext(connection) as queries:
        assert remove_deleted_chats()
    # Without an index by run that would be a look through all logs.
    assert not [query["sql"] for query in queries if 'DELETE FROM "chat_runevent"' in query["sql"]]
    assert remove_deleted_chats() == 0
    assert list(Chat.objects.values_list("id", flat=True)) == [running]


def delete(user: UUID, chat: UUID, ago: timedelta) -> None:
    """Delete a chat, as if that long ago."""
    delete_chat(user_id=user, chat_id=chat)
    Chat.objects.filter(id=chat).update(deleted_at=timezone.now() - ago)


def test_the_chats_of_a_person_who_was_removed_go_a_day_later() -> None:
    gone, other = new_user(), new_user()
    chat, deleted, kept = new_chat(gone), new_chat(gone), new_chat(other)
    answer(say(gone, chat))
    delete_chat(user_id=gone, chat_id=deleted)
    before = Chat.objects.get(id=deleted).deleted_at
    User.objects.filter(id=gone).delete()
    assert delete_chats_of_nobody() == 1
    assert delete_chats_of_nobody() == 0
    assert set(Chat.objects.filter(deleted_at=None).values_list("id", flat=True)) == {kept}
    assert Chat.objects.get(id=deleted).deleted_at == before
    Chat.objects.filter(id=chat).update(deleted_at=timezone.now() - DELETED_KEPT - MOMENT)
    assert remove_deleted_chats()
    assert set(Chat.objects.values_list("id", flat=True)) == {deleted, kept}
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_a_chat_that_is_being_restored_is_not_removed() -> None:
    restored, ends = threading.Event(), threading.Event()

    def restore(user: UUID, chat: UUID) -> None:
        with transaction.atomic():
            restore_chat(user_id=user, chat_id=chat)
            restored.set()
            ends.wait(TIMEOUT)

    def old() -> tuple[UUID, UUID]:
        user = new_user()
        chat = new_chat(user)
        delete(user, chat, DELETED_KEPT + MOMENT)
        return user, chat

    user, chat = await in_database(old)
    restoring = asyncio.create_task(in_database(restore, user, chat))
    await asyncio.to_thread(restored.wait, TIMEOUT)
    removing = asyncio.create_task(in_database(remove_deleted_chats))
    # Postgres passes over it, SQLite waits for its turn.
    await asyncio.wait({removing}, timeout=0.3)
    ends.set()
    await restoring
    assert await removing == 0
    assert await in_database(Chat.objects.filter(id=chat, deleted_at=None).exists)
    close_pool_connections()


def test_workers_go_that_are_silent_for_a_day_and_own_nothing_that_runs() -> None:
    silent, owner, alive = (register_worker(name=name) for name in ("silent", "owner", "alive"))
    user = new_user()
    say(user, new_chat(user), worker=owner)
    Worker.objects.exclude(id=alive).update(heartbeat_at=timezone.now() - timedelta(days=1) - MOMENT)
    assert remove_ended_workers() == 1
    assert not Worker.objects.filter(id=silent).exists()
    beat(worker_id=silent, name="silent")
    assert Worker.objects.filter(id=silent).exists()
    remove_worker(worker_id=silent)
    assert set(Worker.objects.values_list("id", flat=True)) == {owner, alive}
