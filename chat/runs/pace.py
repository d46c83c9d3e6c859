"""How fast a reply comes, measured where it is written: no reader's network is in it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from chat.protocol.events import AnyEvent, ReasoningMessageContent, TextMessageContent, TokenUsage, ToolCallArgs
from chat.protocol.objects import Timing

WORDS = (TextMessageContent, ReasoningMessageContent, ToolCallArgs)


class Pace:
    """Of one run, from the moment that this is made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._first: float | None = None
        self._last = 0.0
        self._characters = 0

    def saw(self, event: AnyEvent) -> None:
        """Take note of an event at the moment that the agent yields it."""
        if isinstance(event, WORDS):
            self._last = time.monotonic()
            self._first = self._first or self._last
            self._characters += len(event.delta)

    def timing(self, usage: Sequence[TokenUsage]) -> Timing | None:
        """What there is to tell, with the tokens that the model says it wrote; None where it wrote nothing."""
        if self._first is None:
            return None
        return Timing(
            first=round(self._first - self._begun, 3),
            writing=round(self._last - self._first, 3),
            characters=self._characters,
            tokens=sum(one.output_tokens or 0 for one in usage),
        )
