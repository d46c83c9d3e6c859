"""What tests of agents share: asking one, and holding what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chat.agents.base import Agent, AgentError, Turn, TurnMessage
from chat.agents.openai_chat import OpenAIChatAgent, Patience
from chat.protocol.events import AnyEvent, ReasoningMessageContent, RunFinished, TextMessageContent, ToolCallArgs

QUICK = Patience(longest_wait=0.5, retry_delay=0.001)
"""Waits little before retries, and for an answer as long as in production: a busy machine makes no test fail."""
IMPATIENT = Patience(silence=0.5, longest_wait=0.5, retry_delay=0.001)
"""For tests of silence itself."""


@dataclass
class Reply:
    events: list[AnyEvent] = field(default_factory=list)
    error: AgentError | None = None

    @property
    def text(self) -> str:
        return "".join(event.delta for event in self.events if isinstance(event, TextMessageContent))

    @property
    def reasoning(self) -> str:
        return "".join(event.delta for event in self.events if isinstance(event, ReasoningMessageContent))

    @property
    def arguments(self) -> str:
        return "".join(event.delta for event in self.events if isinstance(event, ToolCallArgs))

    @property
    def kinds(self) -> list[str]:
        """The names of the events' types, repetitions left out."""
        names = [type(event).__name__ for event in self.events]
        return [name for number, name in enumerate(names) if number == 0 or name != names[number - 1]]

    @property
    def finished(self) -> RunFinished | None:
        last = self.events[-1] if self.events else None
        return last if isinstance(last, RunFinished) else None

    @property
    def code(self) -> str | None:
        return self.error.code if self.error else None


def turn(text: str, *, before: Sequence[TurnMessage] = (), run: str = "run-1", **fields: Any) -> Turn:
    return Turn(thread_id="chat-1", run_id=run, messages=[*before, TurnMessage("user", text)], **fields)


async def ask(agent: Agent, text: str, *, run: str = "run-1") -> Reply:
    reply = Reply()
    try:
        async for event in agent.run(turn(text, run=run)):
            reply.events.append(event)
    except AgentError as error:
        reply.error = error
    return reply


def openai_agent(base_url: str, **options: object) -> OpenAIChatAgent:
    settings = {"name": "fake", "title": "Fake", "model": "fake-1", "patience": QUICK, **options}
    return OpenAIChatAgent(base_url=base_url, **settings)  # type: ignore[arg-type]
