"""How a run ends, and the terminal event that says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from chat.protocol.events import CANCELLED, RunError, RunFinished, Terminal, TokenUsage
from chat.protocol.objects import ErrorObject, RunStatus

BROKEN_OFF = "The reply broke off before its end. What was written is kept; ask again to get the rest."


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    status: RunStatus
    error: ErrorObject | None = None
    usage: list[TokenUsage] = field(default_factory=list)

    def event(self, thread_id: str, run_id: str) -> Terminal:
        """The terminal event that says so. It follows from the run's row, so whoever misses it can make it."""
        usage = self.usage or None
        if self.error is not None:
            return RunError(message=self.error.message, code=self.error.code, usage=usage)
        if self.status == "stopped":
            return RunFinished(thread_id=thread_id, run_id=run_id, outcome=CANCELLED, usage=usage)
        return RunFinished(thread_id=thread_id, run_id=run_id, usage=usage)


def interrupted(message: str = BROKEN_OFF) -> Ending:
    """The ending of a run whose reply is not complete and was not stopped by anyone."""
    return Ending("interrupted", ErrorObject("interrupted", message))
