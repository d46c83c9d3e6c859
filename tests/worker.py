"""One worker inside the test's own process: the real parts with a test's agents, and perhaps with its log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from chat.agents.base import Agent
from chat.database import in_database
from chat.models import Message, Run, RunEvent
from chat.protocol.events import AnyEvent, RunError, RunFinished, decode_event
from chat.runs.log import RunLog
from chat.runs.log.redis import RedisLog
from chat.runtime import Runtime
from chat.services.messages import Posted, post_message
from tests import TIMEOUT


@asynccontextmanager
async def worker(*agents: Agent, log: RunLog | None = None) -> AsyncIterator[Runtime]:
    """A started runtime; whatever still runs at the end of the block ends as `interrupted`."""
    runtime = Runtime()
    if agents:
        runtime._agents = {agent.name: agent for agent in agents}
    if log is not None:
        await runtime._log.close()
        runtime._log = log
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.shutdown(0)


async def post(runtime: Runtime, user: UUID, chat: UUID, text: str = "Hello", **fields: Any) -> Posted:
    """Post a message and start its run."""
    wanted = {"client_id": uuid4().hex, "agent": None, **fields}
    return await runtime.supervisor.ask(partial(post_message, text=text), user_id=user, chat_id=chat, **wanted)


async def idle(runtime: Runtime) -> None:
    """Return when no run is under way, and nothing that a run left to do."""
    async with asyncio.timeout(TIMEOUT):
        await runtime.supervisor._idle()
        while runtime.supervisor._tasks:
            await asyncio.gather(*runtime.supervisor._tasks, return_exceptions=True)
            # From Python 3.12 on, gathering what has ended does not let anyone else run.
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Outcome:
    """What became of a run, by its rows and by its log."""

    run: str
    message: str
    error: tuple[str, str]
    parts: list[Any]
    last_seq: int
    usage: list[Any]
    events: list[AnyEvent]

    @property
    def text(self) -> str:
        """Of all text parts."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def terminal(self) -> list[AnyEvent]:
        """Terminal events in the log."""
        return [event for event in self.events if isinstance(event, RunFinished | RunError)]


async def outcome(run: UUID) -> Outcome:
    """What became of it so far. The log is the settings' one: a test that has its own looks there itself."""
    return await in_database(_outcome, run, await _logged(run))


async def _logged(run: UUID) -> list[bytes]:
    if not settings.REDIS_URL:
        rows = RunEvent.objects.filter(run=run).order_by("seq").values_list("data", flat=True)
        return [data.encode() for data in await in_database(list, rows)]
    log = RedisLog(settings.REDIS_URL)
    try:
        return await log.read(run)
    finally:
        await log.close()


def _outcome(run_id: UUID, logged: list[bytes]) -> Outcome:
    run = Run.objects.get(id=run_id)
    reply = Message.objects.get(run=run_id)
    assert (run.error_code, run.error_message) == (reply.error_code, reply.error_message)
    return Outcome(
        run=run.status,
        message=reply.status,
        error=(run.error_code, run.error_message),
        parts=reply.parts,
        last_seq=run.last_seq,
        usage=run.usage,
        events=[decode_event(data) for data in logged],
    )
