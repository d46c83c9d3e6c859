"""Has seen all that any client was ever shown and any command was answered, and says whether it can all be true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from chat.models import Chat, Message, Run, RunEvent
from chat.services.announce import Move, moved
from tests.logs import MemoryLog
from tests.simulation.loop import outside
from tests.simulation.world import World
from tests.state import Frame, Parts, State, fold

MESSAGE_STATUS = {"completed": "complete"}
TERMINAL = {"RUN_FINISHED", "RUN_ERROR"}


@dataclass(frozen=True)
class Command:
    """Something that a client asks for: the frame's type and fields, from which the request by HTTP follows."""

    kind: str
    fields: Mapping[str, Any]

    @property
    def request(self) -> tuple[str, dict[str, Any]]:
        """Where the same is asked by HTTP, with POST, and the body."""
        body = {name: value for name, value in self.fields.items() if name in ("text", "client_id")}
        if self.kind == "run.stop":
            return f"runs/{self.fields['run']}/stop", body
        path = f"chats/{self.fields['chat']}/messages"
        if self.kind == "message.send":
            return path, body
        return f"{path}/{self.fields['message']}/{self.kind.removeprefix('message.')}", body


@dataclass(frozen=True)
class Answered:
    """What became of a command: the code of an error, or the ids of what it made."""

    code: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)


class Witness:
    """`faults` are what cannot be."""

    def __init__(self, world: World) -> None:
        self.faults: list[str] = []
        self._world = world
        self._said: dict[tuple[str, str], str] = {}
        self._ends: dict[str, str] = {}
        self._answers: dict[tuple[str, str], Answered] = {}
        self._commands: dict[tuple[str, str], Command] = {}
        self._may_be: defaultdict[tuple[str, str], set[Any]] = defaultdict(set)
        moved.connect(self._committed)

    # --- What clients see ---------------------------------------------------------------------------------------------

    def frame(self, frame: Frame, state: State) -> None:
        """A client was sent this, and knows this now."""
        if frame["type"] == "run.events":
            logged = self._world.logged(UUID(frame["run"]))
            if frame["seq"] > logged:
                self.faults.append(f"shown and not logged: {frame['seq']} of {logged} of {frame['run']}")
        chat = state.open.get(chat_of(frame))
        if chat is not None:
            self.messages(chat.messages.values())
            for run in chat.runs.values():
                self._run(run["run"], run["status"])

    def messages(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Someone was shown these."""
        for message in messages:
            for part in message.get("parts", []):
                said = _said(part)
                before = self._said.setdefault((message["id"], part["id"]), said)
                if not (before.startswith(said) or said.startswith(before)):
                    self.faults.append(f"{message['id']}: {before!r} was shown, and {said!r} too")
                self._said[message["id"], part["id"]] = max(before, said, key=len)

    def _run(self, run: str, status: str) -> None:
        if status != "running" and self._ends.setdefault(run, status) != status:
            self.faults.append(f"{run} ended as {self._ends[run]}, and as {status} too")

    # --- What commands do ---------------------------------------------------------------------------------------------

    def answered(self, command: Command, answer: Answered) -> None:
        """A command that has a `client_id` was answered."""
        key = (command.fields["chat"], command.fields["client_id"])
        self._commands[key] = command
        if not answer.code and self._answers.setdefault(key, answer) != answer:
            self.faults.append(f"{command} was answered {self._answers[key]}, and {answer} too")

    def asks(self, chat: str, name: str, value: Any) -> None:
        """A chat is to have this from now on; until that is answered it may, or may not."""
        self._may_be[chat, name].add(value)

    def has(self, chat: str, name: str, value: Any) -> None:
        """And it has; nobody else has asked for anything else that may yet be done."""
        self._may_be[chat, name] = {value}

    def _committed(self, sender: object, move: Move, **_: object) -> None:
        if connection.in_atomic_block:
            self.faults.append(f"announced before it is committed: {move}")
        for chat in move.chats:
            if Run.objects.filter(chat=chat, status="running").count() > 1:
                self.faults.append(f"two replies are being written in {chat}")

    # --- The end ------------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Look at nothing more."""
        moved.disconnect(self._committed)

    def check(self, *, lenient: bool) -> None:
        """All runs have ended: do rows, log, what was shown and what was answered agree? `lenient`: workers died or
        slept, and the log was away, so that the log may lack what the rows have."""
        outside(self._check_rows, lenient)

    def _check_rows(self, lenient: bool) -> None:
        for chat in Chat.objects.all():
            self._check_tree(chat)
            has = {"title": chat.title, "archived": chat.archived, "deleted": chat.deleted_at is not None}
            for name, value in has.items():
                may_be = self._may_be.get((str(chat.id), name), {value})
                assert value in may_be, f"{name} is {value!r}, but {may_be} was asked for"
        for message in Message.objects.filter(role="assistant"):
            runs = list(Run.objects.filter(reply=message).order_by("version"))
            assert runs[-1].id == message.run_id
            assert message.status == MESSAGE_STATUS.get(runs[-1].status, runs[-1].status)
            assert (message.error_code, message.error_message) == (runs[-1].error_code, runs[-1].error_message)
            whole = sum(self._check_run(run, lenient) for run in runs) == len(runs)
            self._check_text(message, runs, whole)
        for (chat_id, client_id), command in self._commands.items():
            self._check_command(chat_id, client_id, command)

    def _check_run(self, run: Run, lenient: bool) -> bool:
        """Whether the log has all that the run has said."""
        assert run.status != "running"
        assert self._ends.get(str(run.id), run.status) == run.status, "clients were told of another end"
        events = self._events(run.id)
        terminal = [seq for seq, event in enumerate(events, 1) if event["type"] in TERMINAL]
        if terminal:
            assert terminal == [run.last_seq], "one end, and nothing after it"
            assert len(events) == run.last_seq
            assert _status(events[-1]) == run.status
        else:
            assert lenient, "the log has no end"
            assert len(events) < run.last_seq
        return len(events) >= run.last_seq - 1

    def _check_text(self, message: Message, runs: list[Run], whole: bool) -> None:
        logged: Parts = []
        for run in runs:
            logged = fold(logged, self._events(run.id))
        if whole:
            assert message.parts == logged
        kept = {part["id"]: _said(part) for part in message.parts}
        for part in logged:
            assert kept.get(part["id"], "").startswith(_said(part)), "the log has what the row has not"
        for (message_id, part_id), shown in self._said.items():
            if message_id == str(message.id):
                assert kept.get(part_id, "").startswith(shown), "shown, and not kept"

    def _check_command(self, chat: str, client_id: str, command: Command) -> None:
        runs = list(Run.objects.filter(chat=UUID(chat), client_id=client_id).select_related("reply"))
        answer = self._answers.get((chat, client_id))
        assert len(runs) <= 1, "posted twice"
        if answer is None:
            return
        (run,) = runs
        ids = {"message": str(run.reply.parent_id), "reply": str(run.reply_id), "run": str(run.id)}
        assert answer.ids == ids, "acknowledged, and not there"
        if "text" in command.fields:
            (message,) = Message.objects.filter(chat=UUID(chat), client_id=client_id)
            assert str(message.id) == ids["message"]
            assert [part["text"] for part in message.parts] == [command.fields["text"]]

    def _check_tree(self, chat: Chat) -> None:
        """What is shown is one path from a beginning to an end."""
        path = list(Message.objects.filter(chat=chat, shown=True).order_by("position"))
        assert [message.parent_id for message in path] == [None, *(message.id for message in path)][: len(path)]
        if path:
            assert not Message.objects.filter(parent=path[-1]).exists()
        versions = Message.objects.filter(chat=chat).values_list("version", flat=True)
        assert max(versions, default=0) <= chat.version

    def _events(self, run: UUID) -> list[Any]:
        if isinstance(self._world.log, MemoryLog):
            return [msgspec.json.decode(data) for data in self._world.log.events.get(run, [])]
        rows = RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "data")
        assert [seq for seq, _ in rows] == [*range(1, len(rows) + 1)]
        return [msgspec.json.decode(data) for _, data in rows]


def chat_of(frame: Frame) -> str:
    """The chat that this frame tells of to who has it open; nothing for any other."""
    if frame["type"] == "chat.snapshot":
        return str(frame["chat"]["id"])
    return str(frame["chat"]) if frame["type"] in ("chat.changed", "run.events") else ""


def _said(part: Mapping[str, Any]) -> str:
    return str(part["text"] if "text" in part else part["arguments"] + (part["result"] or ""))


def _status(event: Mapping[str, Any]) -> str:
    if event["type"] == "RUN_ERROR":
        return "interrupted" if event["code"] == "interrupted" else "failed"
    return "stopped" if event["outcome"]["type"] == "cancelled" else "completed"
