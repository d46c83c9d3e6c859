"""Owns the runs of this process: posts what starts them, keeps their tasks, stops them, ends them exactly once.

A run outlives the socket or request that began it. Its task has a fresh context, a reference that keeps it, and nobody
above it who would cancel it but `stop` and `shutdown`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from chat import selectors
from chat.agents.base import Agent, AgentError, Turn, TurnMessage
from chat.agents.titles import write_title
from chat.database import in_database, in_reserve
from chat.feeds import Feeds
from chat.precedence import Precedence
from chat.protocol.codes import ChatError, Draining, Unavailable, UnknownAgent
from chat.protocol.events import RunError, RunFinished, RunStarted, TokenUsage, clean
from chat.protocol.objects import ErrorObject
from chat.runs.ending import Ending, interrupted
from chat.runs.flusher import Flusher, Tail
from chat.runs.pace import Pace
from chat.services.chats import title_chat
from chat.services.messages import MAX_REPLY, Asking, Posted, Started
from chat.services.runs import Ended, finish_run
from config.logs import about

R = TypeVar("R")

logger = logging.getLogger(__name__)

LOG_PATIENCE = 30.0
"""Seconds that a run waits at its end, and once with too much text, for a log that does not answer; and at its start
for the database."""
MAX_WAITING = 64 * 1024
"""Bytes of text not yet in the log after which a run's agent is made to wait. No model comes near it; but 300 that are
as fast as their sockets kept the event loop so busy with reading, at 1 MiB each, that next to nothing was written."""
MAX_CODE = 64
MAX_SENTENCE = 2000
"""Characters of what an agent says went wrong: its code, and its sentence for people."""
RESTARTED = "The server was restarted in the middle of this reply. What was written is kept."
LOG_AWAY = "Replies cannot be written just now, so the message was not sent. Try again in a moment: it is posted once."
END_RETRY = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to begin or end a run whose database does not answer; the last repeats."""


@dataclass(slots=True)
class _Work:
    answering: asyncio.Task[Ending] | None = None
    ending: Ending | None = None
    """Set before `answering` is cancelled, or instead of its first step: why."""
    pace: Pace = field(default_factory=Pace)
    asked: Sequence[TurnMessage] = ()
    """What its agent was asked."""


class Supervisor:
    """One a process. Everything of it runs on the event loop."""

    def __init__(
        self,
        worker_id: UUID,
        agents: Mapping[str, Agent],
        flusher: Flusher,
        feeds: Feeds,
        precedence: Precedence,
    ) -> None:
        self._worker_id = worker_id
        self._agents = agents
        self._flusher = flusher
        self._feeds = feeds
        self._precedence = precedence
        self._runs: dict[UUID, _Work] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._posting = 0
        self._one_less = asyncio.Event()
        self._no_time: Ending | None = None
        """How runs end that begin when the drain time is over: their message was being posted then."""
        self.draining = False

    # --- What consumers and views call --------------------------------------------------------------------------------

    async def ask(
        self,
        question: Callable[[Asking], Posted],
        *,
        user_id: UUID,
        chat_id: UUID,
        client_id: str,
        agent: str | None,
    ) -> Posted:
        """Carry out a service of `services.messages`, its own arguments bound, and start the run that it made.

        Raises what the service raises, `Draining`, `UnknownAgent`, and `Unavailable` while the log of runs is away. A
        caller that goes away changes nothing: a committed run is started all the same.
        """
        if self.draining:
            raise Draining(retry_after=1.0)
        if not self._flusher.answers:
            raise Unavailable(LOG_AWAY, retry_after=2.0)
        if agent is not None and agent not in self._agents:
            raise UnknownAgent
        asking = Asking(user_id=user_id, chat_id=chat_id, client_id=client_id, worker_id=self._worker_id, agent=agent)
        # Counted before the task's first step, so that a shutdown waits for it.
        self._posting += 1
        answer = await asyncio.shield(self._spawn(self._ask(question, asking)))
        if isinstance(answer, ChatError):
            raise answer
        return answer

    def stop(self, run_id: UUID) -> None:
        """Stop a run of this process whose wish to stop is recorded; others are not ours to stop."""
        work = self._runs.get(run_id)
        if work is not None:
            self._cut(work, Ending("stopped"))

    def drop(self, run_id: UUID) -> None:
        """Give up a run that by its row has ended, or is another worker's: its agent may say nothing by which its task
        would find out."""
        work = self._runs.get(run_id)
        if work is not None:
            self._cut(work, interrupted())

    def take(self, started: Started) -> None:
        """Start to work on a run that this process owns. Does nothing if it does already."""
        if started.run not in self._runs:
            self._runs[started.run] = _Work(ending=self._no_time)
            self._spawn(self._work(started))

    @property
    def live(self) -> frozenset[UUID]:
        """The runs that this process is working on."""
        return frozenset(self._runs)

    async def shutdown(self, drain: float) -> None:
        """Take no new messages; let runs end for `drain` seconds, then end the rest as `interrupted`."""
        self.draining = True
        try:
            async with asyncio.timeout(drain):
                await self._idle()
        except TimeoutError:
            pass
        self._no_time = interrupted(RESTARTED)
        for work in list(self._runs.values()):
            self._cut(work, self._no_time)
        await self._idle()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _idle(self) -> None:
        """Return when no run is under way, and none is about to begin."""
        while self._runs or self._posting:
            self._one_less.clear()
            await self._one_less.wait()

    # --- One run ------------------------------------------------------------------------------------------------------

    def _spawn(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """A task of its own: with a reference, and without the context of whoever caused it."""
        task = asyncio.create_task(coroutine, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask(self, question: Callable[[Asking], Posted], asking: Asking) -> Posted | ChatError:
        try:
            posted = await in_database(question, asking)
        except ChatError as refusal:
            # Raised in a task whose caller has gone away, it would be logged as an error that nobody has seen to.
            return refusal
        finally:
            self._posting -= 1
            self._one_less.set()
        if posted.started is not None:
            self.take(posted.started)
        return posted

    async def _work(self, started: Started) -> None:
        """A run from its first event to its last."""
        about(run=started.run, chat=started.chat)
        work = self._runs[started.run]
        tail = self._flusher.open(started.run, started.chat, started.token)
        self._feeds.open(started.run, started.chat, tail.transcript)
        ours = True
        try:
            tail.push(RunStarted(thread_id=str(started.chat), run_id=str(started.run)))
            work.answering = asyncio.create_task(self._answer(started, tail))
            if work.ending is not None:
                work.answering.cancel()
            try:
                ending = await work.answering
            except asyncio.CancelledError:
                ending = work.ending or interrupted()
            ours = await self._end(started, tail, ending)
        except Exception:
            logger.exception("run %s of chat %s could not be ended", started.run, started.chat)
        finally:
            if ours:
                self._feeds.close(started.run)
            else:
                self._feeds.lose(started.run)
            del self._runs[started.run]
            self._one_less.set()

    def _cut(self, work: _Work, ending: Ending) -> None:
        if work.ending is None:
            work.ending = ending
            if work.answering is not None:
                work.answering.cancel()

    async def _answer(self, started: Started, tail: Tail) -> Ending:
        """Let the agent answer. Never raises but when cancelled."""
        try:
            agent = self._agents.get(started.agent)
            if agent is None:
                return _failed(UnknownAgent.code, "This agent is not here any more. Choose another.")
            turn = await self._turn(started, agent)
            if turn is None:
                return Ending("stopped")
            work = self._runs[started.run]
            work.asked = turn.messages
            return await self._listen(agent, turn, tail, work)
        except AgentError as problem:
            return _failed(problem.code, problem.message, problem.usage)
        except ChatError as problem:
            return _failed(problem.code, problem.message)
        except Exception:
            logger.exception("run %s: agent %s failed", started.run, started.agent)
            return _failed("agent_failed", "The agent failed. Try again; if it stays so, tell us.")

    async def _turn(self, started: Started, agent: Agent) -> Turn | None:
        """What the agent is asked, or None where the run is to stop before it begins. The message was acknowledged, so
        a database that is away is waited for; raises `Unavailable` after `LOG_PATIENCE`."""
        clock = asyncio.get_running_loop().time
        deadline, tries = clock() + LOG_PATIENCE, 0
        while True:
            try:
                question = await in_database(selectors.question, started.reply, budget=agent.context_chars)
                break
            except Unavailable:
                if clock() > deadline:
                    raise
                await asyncio.sleep(END_RETRY[min(tries, len(END_RETRY) - 1)])
                tries += 1
        if question is None:
            # A stop that came before this task was known to anyone is in the row.
            return None
        return Turn(
            thread_id=str(started.chat),
            run_id=str(started.run),
            messages=[TurnMessage(message.role, message.text) for message in question.said],
            continues=question.continues,
            give_way=self._precedence.give_way,
        )

    async def _listen(self, agent: Agent, turn: Turn, tail: Tail, work: _Work) -> Ending:
        patient = True
        async with aclosing(agent.run(turn)) as events:
            async for event in events:
                match event:
                    case RunStarted():
                        continue
                    case RunFinished(outcome=outcome, usage=usage):
                        return Ending("stopped" if outcome.type == "cancelled" else "completed", usage=usage or [])
                    case RunError(message=message, code=code, usage=usage):
                        return _failed(code or "agent_failed", message, usage)
                if work.ending is not None:
                    # The agent has swallowed its cancellation and goes on.
                    return work.ending
                work.pace.saw(event)
                tail.push(event)
                if tail.refused:
                    return interrupted()
                if patient and tail.waiting > MAX_WAITING:
                    # A log that stayed away this long is not waited for again: the reply goes on in memory.
                    patient = await self._flushed(tail)
                if tail.transcript.size + tail.waiting > MAX_REPLY:
                    return _failed(
                        "reply_too_long", "This reply grew too long and was ended. Ask for less, or for the rest."
                    )
        return interrupted()

    async def _flushed(self, tail: Tail) -> bool:
        """Wait until the log has everything; false where it does not answer for `LOG_PATIENCE` seconds."""
        try:
            async with asyncio.timeout(LOG_PATIENCE):
                await tail.flushed()
        except TimeoutError:
            logger.warning("run %s goes on without its log", tail.run)
            return False
        return True

    async def _end(self, started: Started, tail: Tail, ending: Ending) -> bool:
        """End the run; whether it was still ours to end."""
        logged = await self._flushed(tail)
        ended = await self._commit_end(started, tail, ending)
        if ended is None:
            logger.warning("run %s was ended by another", started.run)
            return False
        tail.push(ending.event(str(started.chat), str(started.run)))
        if logged:
            await self._flushed(tail)
        await self._flusher.expire(tail)
        agent = self._agents.get(started.agent)
        # What broke off names its chat too: a small model often reaches its length limit with the first reply.
        answered = ending.status == "completed" or (ending.status == "interrupted" and not self.draining)
        if ended.unnamed and answered and agent is not None and agent.writes_titles:
            self._spawn(self._title(agent, started.chat, self._runs[started.run].asked))
        return True

    async def _commit_end(self, started: Started, tail: Tail, ending: Ending) -> Ended | None:
        """None unless this run ended the way `ending` says, by our hand: also where the answer to a commit was lost."""
        parts, last_seq = tail.parts(), tail.next_seq
        timing = self._runs[started.run].pace.timing(ending.usage)
        tries = 0
        while True:
            try:
                ended = await in_reserve(
                    finish_run,
                    run_id=started.run,
                    chat_id=started.chat,
                    token=started.token,
                    status=ending.status,
                    parts=parts,
                    last_seq=last_seq,
                    usage=ending.usage,
                    error=ending.error,
                    timing=timing,
                )
                if ended is not None or not tries:
                    return ended
                row = (await in_reserve(selectors.runs_of, [started.run])).get(started.run)
            except ChatError:
                await asyncio.sleep(END_RETRY[min(tries, len(END_RETRY) - 1)])
                tries += 1
                continue
            ours = row is not None and row.status == ending.status and row.seq == last_seq
            # What else the answer said is lost: whether the chat has a name, the end of its next reply will say.
            return Ended(unnamed=False) if ours else None

    async def _title(self, agent: Agent, chat_id: UUID, asked: Sequence[TurnMessage]) -> None:
        """Let the model name a chat that has only its first words for a title. A failure leaves those."""
        about(chat=chat_id)
        try:
            title = await write_title(agent, asked)
            if title:
                await in_database(title_chat, chat_id=chat_id, title=title)
        except Exception:
            logger.warning("chat %s could not be named", chat_id, exc_info=True)


def _failed(code: str, message: str, usage: list[TokenUsage] | None = None) -> Ending:
    """A failure in words that a row can keep: an agent may say anything. Its code says whether the reply broke off."""
    error = ErrorObject(clean(code)[:MAX_CODE], clean(message)[:MAX_SENTENCE])
    return Ending("interrupted" if code == "interrupted" else "failed", error, usage or [])
