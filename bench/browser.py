"""The page under a long reply: frames a second in Chromium, and what a token costs it as the reply grows."""

from __future__ import annotations

import msgspec


class Browser(msgspec.Struct):
    """What the tracing said."""

    tokens: int
    rate: float
    frames_a_second: float
    """At the median of the seconds of the reply."""
    growth: float
    """Milliseconds of the main thread a token, in the last quarter of the reply over the first."""
    busy: list[float]
    """The same milliseconds, by quarter."""
