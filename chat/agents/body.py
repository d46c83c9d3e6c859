"""The body of a streamed response, slice by slice as the network gives it; one exception for all that breaks it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, cast

import aiohttp
import httpx2

LAST_BYTES = 0.1
"""Seconds to wait for the end of a response whose content is complete, so that its connection can serve the next."""


class BrokenOffError(Exception):
    """The body broke off; `silent`: because nothing came for too long."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        super().__init__()


async def slices(response: httpx2.Response, silence: float) -> AsyncGenerator[bytes]:
    """What comes, as soon as it comes, never empty. `silence`: the seconds to wait for one slice.

    Raises `BrokenOffError`. Closing the generator closes the connection, unless the body has ended.
    """
    # What is compressed all the same, by a proxy, has to pass through a decoder; all else takes the shortest way.
    compressed = "content-encoding" in response.headers
    raw = cast("AsyncGenerator[bytes]", response.aiter_bytes() if compressed else aiter(cast("Any", response.stream)))
    clock = asyncio.get_running_loop().time
    watch = _SilenceWatch(response, silence)
    try:
        async with contextlib.aclosing(response), contextlib.aclosing(raw):
            async for slice_ in raw:
                watch.waiting_since = None
                yield slice_
                watch.waiting_since = clock()
    except (httpx2.HTTPError, aiohttp.ClientError, aiohttp.http.HttpProcessingError) as error:
        raise BrokenOffError(silent=watch.struck) from error
    finally:
        watch.stop()


async def finish(rest: AsyncGenerator[bytes]) -> None:
    """Read what is left of a body that has said all; nothing that goes wrong here matters any more."""
    with contextlib.suppress(TimeoutError, BrokenOffError):
        async with asyncio.timeout(LAST_BYTES):
            async for _ in rest:
                pass


class _SilenceWatch:
    """Closes `response` once its reader has waited `seconds` for one slice.

    One timer per response looks when that time may be over, and again later where it is not: two assignments a slice.
    The transport's read time-out would set and cancel a timer for each, `asyncio.timeout` would cost twice that; and
    when the framing of a body is broken, the transport forgets its time-out and never wakes the reader. A reader that
    is busy elsewhere does not count as waiting: its slowness is not the server's.
    """

    def __init__(self, response: httpx2.Response, seconds: float) -> None:
        self.struck = False
        self._response = response
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self.waiting_since: float | None = self._loop.time()
        """In the loop's time; None while the reader does not wait."""
        self._timer = self._loop.call_later(seconds, self._look)
        self._closing: asyncio.Task[None] | None = None

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        waited = 0.0 if self.waiting_since is None else self._loop.time() - self.waiting_since
        if waited < self._seconds:
            self._timer = self._loop.call_later(self._seconds - waited, self._look)
        else:
            self.struck = True
            # Closing wakes the reader with an error. The reference keeps the task from being collected.
            self._closing = self._loop.create_task(self._response.aclose())
