"""What the promises rest on, each broken by one small change to the source, and the test that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """`old`, which stands exactly once in the file at `path`, becomes `new`; then `test` fails."""

    broken: str
    path: str
    old: str
    new: str
    test: str


MUTATIONS = [
    Mutation(
        "show before log",
        "chat/runs/flusher.py",
        "        return Append(self.run, self.token, self.transcript.seq, [item.json() for item in self._in_flight])\n",
        "        append = Append(self.run, self.token, self.transcript.seq, "
        "[item.json() for item in self._in_flight])\n"
        "        for item in self._in_flight:\n"
        "            self.transcript.append(item)\n"
        "        self._in_flight = []\n"
        "        self._flusher._written(self)\n"
        "        return append\n",
        "tests/unit/runs/test_shown_implies_logged.py::test_nothing_is_shown_before_it_is_logged",
    ),
    Mutation(
        "no token check in the database's log",
        "chat/runs/log/database.py",
        "WHERE run.id = %s AND run.token = %s\n",
        "WHERE run.id = %s AND (run.token = %s OR 1 = 1)\n",
        "tests/unit/runs/test_log.py::test_after_a_seal_the_old_owner_is_refused_and_the_new_one_goes_on[database]",
    ),
    Mutation(
        "no token check in Redis' log",
        "chat/runs/log/redis.py",
        "  if owner and owner ~= token then\n",
        "  if false then\n",
        "tests/unit/runs/test_log.py::test_after_a_seal_the_old_owner_is_refused_and_the_new_one_goes_on[redis]",
    ),
    Mutation(
        "no compare-and-set at the end of a run",
        "chat/services/runs.py",
        "won = Run.objects.filter(id=run_id, status=Run.Status.RUNNING, token=token).update(\n"
        "            status=status,",
        "won = Run.objects.filter(id=run_id).update(\n            status=status,",
        "tests/unit/services/test_runs.py::test_of_many_ends_at_once_exactly_one_counts",
    ),
    Mutation(
        "no look for the same command",
        "chat/services/messages.py",
        "            known = Posted(message=message, reply=reply, run=UUID(str(run)), started=None)\n",
        "            known = None\n",
        "tests/unit/services/test_messages.py::test_the_same_message_from_two_threads_at_once_starts_one_run",
    ),
    Mutation(
        "no seal at a takeover",
        "chat/runs/recovery.py",
        "token = await in_database(seal_run, run_id=orphan.run, token=orphan.token, worker_id=worker_id)\n",
        "token = orphan.token\n",
        "tests/unit/runs/test_recovery.py::test_the_owner_that_only_slept_is_refused_from_then_on",
    ),
    Mutation(
        "resume with a part of what changed",
        "chat/selectors/chats.py",
        "        if _version_with(rows, chat_id) == chat.version:\n            break\n",
        "        if True:\n            rows, runs = rows[:CHANGED_ROWS], runs[:CHANGED_ROWS]\n            break\n",
        "tests/unit/selectors/test_chat_change.py::test_too_many_changed_messages_are_better_sent_as_a_snapshot",
    ),
    Mutation(
        "announce before the commit",
        "chat/services/announce.py",
        "transaction.on_commit(lambda: moved.send(sender=None, move=move))",
        "moved.send(sender=None, move=move)",
        "tests/unit/services/test_announce.py::test_nothing_is_announced_before_the_commit",
    ),
    Mutation(
        "resume from a seq that was never here",
        "chat/feeds.py",
        "        return 0 <= seq <= feed.seq\n",
        "        return True\n",
        "tests/unit/test_feeds.py::test_who_comes_from_the_owner_is_not_set_back_to_what_was_read_here_last",
    ),
    Mutation(
        "a takeover seals the row and not the log",
        "chat/runs/recovery.py",
        "    await log.seal(orphan.run, token)\n",
        "",
        "tests/unit/runs/test_heartbeat.py"
        "::test_the_runs_of_a_silent_worker_end_with_what_was_shown_and_take_nothing_more_of_it",
    ),
    Mutation(
        "no place check in the database's log",
        "chat/runs/log/database.py",
        "        if usual and _append_all(appends):\n",
        "        if _append_all(appends):\n",
        "tests/unit/runs/test_log.py::test_what_begins_beyond_the_end_is_a_mismatch[database]",
    ),
    Mutation(
        "no look whether the chat is free",
        "chat/services/messages.py",
        "        if self.busy:\n            raise ChatBusy\n",
        "",
        "tests/unit/services/test_messages.py"
        "::test_of_two_messages_at_once_one_is_posted_and_the_other_finds_the_chat_busy",
    ),
]
