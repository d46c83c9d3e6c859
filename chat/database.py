"""How the event loop reaches the database: a bounded pool of threads, each with its own connection.

Django's own bridge runs everything on one shared thread, where a three-second query holds up every other socket. Here a
slow query holds up one thread of the pool.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import DatabaseSyncToAsync
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from chat.protocol.codes import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

_pool = ThreadPoolExecutor(max_workers=settings.DATABASE_THREADS, thread_name_prefix="database")


def _reporting(function: Callable[P, R]) -> Callable[P, R]:
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise Unavailable from error

    return call


async def in_database(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service or selector in the pool and return what it returns.

    Raises what it raises; a database that is gone, locked or too slow is `Unavailable`. When the caller is cancelled
    the function still runs to its end, so what it writes may be committed: shield what must be known.
    """
    bridge: Callable[P, object] = DatabaseSyncToAsync(_reporting(function), thread_sensitive=False, executor=_pool)
    return await bridge(*args, **kwargs)  # type: ignore[misc, no-any-return]  # channels is untyped


def close_pool_connections() -> None:
    """Close the connection of every thread of the pool, and of this one; later calls open new ones."""
    from threading import Barrier

    meeting = Barrier(settings.DATABASE_THREADS)

    def close() -> None:
        # All threads meet, so that each closes its own.
        meeting.wait(timeout=30)
        connections.close_all()

    for done in [_pool.submit(close) for _ in range(settings.DATABASE_THREADS)]:
        done.result()
    connections.close_all()
