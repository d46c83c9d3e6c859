"""Waiting for what has no event to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests import TIMEOUT


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` is true; the event loop goes on meanwhile. Raises `TimeoutError`."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110  # what is looked at has no event
            await asyncio.sleep(0.001)
