"""What the rules of the stateful property are played on: how they do what they do, what always holds, and the end."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from django.db.models import QuerySet
from hypothesis.stateful import RuleBasedStateMachine, invariant
from websockets.exceptions import ConnectionClosed

from chat.hub import RECONCILE
from chat.models import Chat, Message, Run
from chat.runs.heartbeat import LEASE
from tests import TIMEOUT
from tests.follower import comparable, fresh_state
from tests.people import script
from tests.simulation.loop import outside
from tests.simulation.tab import AGAIN, Tab
from tests.simulation.witness import Answered, Command, Witness
from tests.simulation.world import Visitor, WorkerProcess, World
from tests.wire import RefusedCommand

R = TypeVar("R")


class Stage(RuleBasedStateMachine):
    """The first rule sets `world`, `witness` and `visitor`."""

    world: World
    witness: Witness
    visitor: Visitor

    def __init__(self) -> None:
        super().__init__()
        self.tabs: list[Tab] = []
        self.chats: list[str] = []
        self.commands: list[Command] = []
        self.unsure: set[tuple[str, str]] = set()
        """What of which chats may yet be changed by a request that was given up."""
        self.rough = self.broken = False
        self.numbers = itertools.count(1)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.following: list[asyncio.Task[None]] = []

    @invariant()
    def time_passes(self) -> None:
        if hasattr(self, "world"):
            self._run(asyncio.sleep(self.world.chance.choice((0, 0, 0.05, 0.5))))

    # --- What always holds --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_wrong(self) -> None:
        if not hasattr(self, "world"):
            return
        failed = [task for task in [*self.following, *self.tasks] if task.done()]
        try:
            for task in failed:
                task.result()
            assert self.world.errors == [], self.world.errors
            assert self.witness.faults == []
            for tab in self.tabs:
                assert tab.faults == []
        except BaseException:
            self.broken = True
            raise
        self.tasks = {task for task in self.tasks if not task.done()}

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if not self.broken:
                self._run(self._settle())
                self.nothing_is_wrong()
        finally:
            self.witness.leave()
            self.world.end()

    async def _settle(self) -> None:
        """Let everything come to its end within the time that it may take, and look whether all agree."""
        for tab in self.tabs:
            tab.cut_in(0)
        self.world.trouble.answers_to_lose = 0
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=8 * TIMEOUT)
        assert not [task for task in self.tasks if not task.done()], "a command is never answered"
        # Those of the dead, and of who still sleeps, have been taken over by then.
        await self._until_ended(LEASE + TIMEOUT, self._of_the_dead)
        for worker in self.world.workers:
            self._wake(worker)
        await asyncio.sleep(1)
        for run in outside(lambda: list(Run.objects.filter(status="running").values_list("id", flat=True))):
            await self._insist(Command("run.stop", {"run": str(run)}), "http")
        await self._until_ended(TIMEOUT, Run.objects.all)
        # Nothing is stuck.
        for chat in outside(lambda: list(Chat.objects.filter(deleted_at=None).values_list("id", flat=True)[:1])):
            fields = {"chat": str(chat), "text": script(words=3, delay=0), "client_id": self._new_id()}
            assert (await self._insist(Command("message.send", fields), "http")).code == ""
        await self._until_ended(TIMEOUT, Run.objects.all)
        await asyncio.sleep(RECONCILE + TIMEOUT)
        await self._compare()
        self.witness.check(lenient=self.rough)

    async def _compare(self) -> None:
        fresh = await fresh_state(self.visitor, self.chats)
        for tab in self.tabs:
            known = comparable(tab.state)
            assert known["chats"] == fresh["chats"]
            assert known["open"] == {chat: value for chat, value in fresh["open"].items() if chat in tab.wanted}
        for chat, known in fresh["open"].items():
            page = await self.visitor.api("GET", f"chats/{chat}/messages")
            assert known["messages"] == page["messages"]
            assert known["runs"] == {}

    # --- How rules do what they do ------------------------------------------------------------------------------------

    def _run(self, awaited: Awaitable[R]) -> R:
        try:
            return self.world.run(awaited)
        except BaseException:
            self.broken = True
            raise

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.tasks.add(self.world.loop.create_task(coroutine))

    def _chat(self, number: int) -> str:
        return self.chats[number % len(self.chats)]

    def _new_id(self) -> str:
        return f"command {next(self.numbers)}"

    def _away(self, number: int) -> WorkerProcess:
        """The worker that something is done to; another one is there afterwards."""
        self.rough = True
        running = [worker for worker in self.world.workers if worker.serves]
        chosen = running[number % len(running)]
        if len(running) == 1:
            self._run(self.world.start_worker().started)
        return chosen

    def _wake(self, worker: WorkerProcess) -> None:
        if worker.state == "asleep":
            worker.wake()

    def _begin(self, by: str, kind: str, **fields: Any) -> None:
        command = Command(kind, fields)
        if "client_id" in fields:
            self.commands.append(command)
        self._spawn(self._insist(command, by))

    def _begin_at(self, number: int, by: str, kind: str, found: dict[str, Any], **fields: Any) -> None:
        """The same about one of the messages that are `found`, if there are any."""
        messages = list(Message.objects.filter(**found).order_by("chat__client_id", "-position"))
        if messages:
            message = messages[number % len(messages)]
            self._begin(by, kind, chat=str(message.chat_id), message=str(message.id), **fields)

    async def _insist(self, command: Command, by: str) -> Answered:
        """Ask until there is an answer, each time of another worker, and let the witness know."""
        while True:
            try:
                answer = await (self._by_socket(command) if by == "socket" else self._by_http(command))
            except (OSError, ConnectionClosed):
                await asyncio.sleep(0.5)
                continue
            if answer.code not in AGAIN:
                break
            await asyncio.sleep(1)
        assert answer.code in {"", "chat_busy", "not_found", "not_allowed"}, (command, answer)
        if "client_id" in command.fields:
            self.witness.answered(command, answer)
        return answer

    async def _by_socket(self, command: Command) -> Answered:
        try:
            ack = await self.world.chance.choice(self.tabs).ask(command.kind, **command.fields)
        except RefusedCommand as refused:
            return Answered(refused.code)
        return Answered(ids={name: ack[name] for name in ("message", "reply", "run") if name in ack})

    async def _by_http(self, command: Command) -> Answered:
        path, body = command.request
        answer = await self.visitor.ask("POST", path, body)
        said = json.loads(answer.body or b"{}")
        return Answered(said["code"]) if answer.status >= 400 else Answered(ids=said)

    async def _change(self, chat: str, name: str, value: Any, method: str, path: str = "") -> None:
        body = {name: value} if method == "PATCH" else None
        self.witness.asks(chat, name, value)
        while True:
            try:
                answer = await self.visitor.ask(method, f"chats/{chat}{path}", body)
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                    break
            except OSError:
                # The worker that died may have done it, and one that sleeps may yet do it.
                self.unsure.add((chat, name))
            await asyncio.sleep(0.5)
        assert answer.status in {200, 204, 404}, answer.text
        if answer.status != 404 and (chat, name) not in self.unsure:
            self.witness.has(chat, name, value)

    async def _persist(self, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask until somebody answers."""
        while True:
            try:
                return await ask()
            except OSError:
                await asyncio.sleep(0.5)

    async def _read(self, path: str) -> None:
        answer = await self._persist(lambda: self.visitor.ask("GET", path))
        if answer.status != 404:
            read = json.loads(answer.body)
            self.witness.messages(read.get("messages", [read]))
            for message in read.get("messages", [])[-1:]:
                await self._read(f"{path}/{message['id']}")

    def _of_the_dead(self) -> QuerySet[Run]:
        """The runs of workers that serve nobody just now; one that wakes up in time keeps its own."""
        living = [worker.runtime.worker_id for worker in self.world.workers if worker.serves]
        return Run.objects.exclude(owner__in=living)

    async def _until_ended(self, within: float, runs: Callable[[], QuerySet[Run]]) -> None:
        """Wait until none of these is running."""
        deadline = self.world.loop.time() + within
        while outside(lambda: runs().filter(status="running").exists()):
            assert self.world.loop.time() < deadline, "a run does not end"
            await asyncio.sleep(0.5)
