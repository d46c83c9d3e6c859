"""What an agent is, what it is given, and how it fails.

A worked example, the smallest agent there can be:

    class Echo:
        name, title, context_chars, writes_titles = "echo", "Echo", 1000, False

        async def run(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
            part = turn.part_id(1)
            yield TextMessageStart(message_id=part)
            yield TextMessageContent(message_id=part, delta=turn.messages[-1].text)
            yield TextMessageEnd(message_id=part)
            yield RunFinished(thread_id=turn.thread_id, run_id=turn.run_id)

        async def aclose(self) -> None: ...
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from chat.protocol.events import AnyEvent, TokenUsage


@dataclass(frozen=True, slots=True)
class TurnMessage:
    """One earlier message of the chat, oldest first in `Turn.messages`; `text` is never empty."""

    role: Literal["user", "assistant", "system"]
    text: str


async def _at_once() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Turn:
    """What an agent is asked: the chat so far, ending with the message to be answered.

    `messages` are the newest that fit the agent's `context_chars`, at least the last one; the agent adds its own system
    prompt. The ids are those of AG-UI: the thread is the chat.
    """

    thread_id: str
    run_id: str
    messages: Sequence[TurnMessage]
    continues: str | None = None
    """Where the last message is an unfinished reply to go on with: the id of its part that the first text continues."""
    give_way: Callable[[], Awaitable[None]] = _at_once
    """To be awaited before work on a piece of the answer that has come, so that people who wait for something else are
    served first: see `chat.precedence`. An agent that does not is as right, and less polite."""

    def part_id(self, number: int) -> str:
        """An id for the `number`th part of the reply (AG-UI's `messageId`), unique over all runs."""
        return f"{self.run_id}.{number}"

    def text_id(self, number: int) -> str:
        """The same for the first text of the reply: that of the part to go on with, where there is one."""
        return self.continues or self.part_id(number)


class Agent(Protocol):
    """Something that answers. One instance serves all runs of its process at once, so it keeps no state of a run."""

    name: str
    """What commands and rows call it: letters, digits, `-` and `_`, 64 at most."""
    title: str
    """What people see."""
    context_chars: int
    """Characters of earlier messages that it is given."""
    writes_titles: bool
    """Whether it can be asked to name a chat."""

    def run(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
        """Answer `turn`: content events, then one `RunFinished` as the last.

        The caller adds `RUN_STARTED` and the terminal event's ids, cleans texts and splits long ones. It calls `aclose`
        on the generator when the run is stopped, so an agent frees its connection in a `finally`.

        Raises `AgentError` when it fails; what was yielded before is kept and shown. A generator that ends without
        `RunFinished` was cut off, and its run is `interrupted`: an agent must not yield it unless it knows that the
        answer is complete.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; called once, when the process ends and no run is left."""
        ...


class AgentError(Exception):
    """An agent failed. `code` goes to programs, `message` (a sentence that says what to do) to people.

    | code | when |
    |---|---|
    | `agent_unreachable` | no connection to the model's server, or it went away before the first token |
    | `agent_timeout` | it connected, then was silent for too long |
    | `agent_busy` | it said 429, or 503, and retries did not help; `retry_after` seconds where it named a time |
    | `agent_refused` | it refused the request (another 4xx: key, model name, content) |
    | `agent_failed` | it failed on its side (5xx before the first token, retries used up), or the agent has a bug |
    | `agent_garbled` | it sent something that is no event stream |
    | `interrupted` | the stream broke or ended in the middle of the reply, or the reply reached its length limit |

    `usage`: what the model's server counted all the same.
    """

    def __init__(self, code: str, message: str, *, retry_after: float | None = None) -> None:
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.usage: list[TokenUsage] | None = None
        super().__init__(f"{code}: {message}")
