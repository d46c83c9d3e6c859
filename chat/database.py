"""How the event loop reaches the database: a bounded pool of threads, each with its own connection.

Django's own bridge runs everything on one shared thread, where a three-second query holds up every other socket. Here a
slow query holds up one thread of the pool.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import ParamSpec, TypeVar

from channels.db import DatabaseSyncToAsync
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connections

from chat.protocol.codes import Unavailable

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

RESERVED = 2
"""Threads, and connections, that only the ends of runs use. Heartbeats have one of their own besides: an end may wait
for a row that somebody has locked, and whoever is silent meanwhile is taken for dead."""

SILENCE = 10.0
"""Seconds without an answer of the database, to anyone, after which those who have waited for a thread as long are told
so. Each would only block it for as long as the one before, and the last of a crowd would wait for minutes."""

_pool = ThreadPoolExecutor(max_workers=settings.DATABASE_THREADS, thread_name_prefix="database")


class _Answers:
    """When the database answered last, of all threads, and when it was last said that it does not: by
    `time.monotonic`, in seconds."""

    last = time.monotonic()
    missed = float("-inf")


def no_answer(error: Exception) -> Unavailable:
    """What people are told of this error. The log has the error itself, once a second at most for all threads."""
    now = time.monotonic()
    if now - _Answers.missed > 1:
        _Answers.missed = now
        logger.warning("the database does not answer: %s", reason(error))
    return Unavailable()


def reason(problem: Exception) -> str:
    """Why, in the words of who knows, on one line."""
    return " ".join(str(problem.__cause__ or problem).split()) or type(problem).__name__


def _reporting(function: Callable[P, R]) -> Callable[P, R]:
    asked = time.monotonic()

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if time.monotonic() - max(asked, _Answers.last) > SILENCE:
            raise Unavailable
        try:
            # Not all of Django says a driver's error in its own words: a cursor that is closed says psycopg's.
            with connections["default"].wrap_database_errors:
                result = function(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise no_answer(error) from error
        except InternalError as error:
            # Postgres says so of a write to a standby, as it is met during a failover, and of a transaction that a
            # process slept in. Nothing better comes over this connection.
            hang_up()
            raise no_answer(error) from error
        _Answers.last = time.monotonic()
        return result

    return call


def hang_up() -> None:
    """End this thread's connection, so that its pool keeps it no longer."""
    connection = connections["default"]
    if connection.connection is not None:
        connection.connection.close()
    connection.close()


def _connect_apart() -> None:
    """Give this thread a connection that is not of the pool, so that an exhausted pool cannot hold it up."""
    apart = connections["default"].copy()
    apart.settings_dict["OPTIONS"].pop("pool", None)
    apart.settings_dict |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    connections["default"] = apart


_reserve = ThreadPoolExecutor(max_workers=RESERVED, thread_name_prefix="reserve", initializer=_connect_apart)
_heart = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heartbeat", initializer=_connect_apart)


def _bridge(function: Callable[P, R], pool: ThreadPoolExecutor) -> Callable[P, Awaitable[R]]:
    bridge: Callable[P, Awaitable[R]] = DatabaseSyncToAsync(  # channels is untyped
        _reporting(function), thread_sensitive=False, executor=pool
    )
    return bridge


async def in_database(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service or selector in the pool and return what it returns.

    Raises what it raises; a database that is gone, locked or too slow is `Unavailable`. When the caller is cancelled
    the function still runs to its end, so what it writes may be committed: shield what must be known.
    """
    return await _bridge(function, _pool)(*args, **kwargs)


async def in_reserve(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`in_database`, on one of the connections kept for ends of runs, which must not wait behind requests."""
    return await _bridge(function, _reserve)(*args, **kwargs)


async def in_heartbeat(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`in_database`, on the connection of the heartbeat, for what locks nothing and waits for nobody."""
    return await _bridge(function, _heart)(*args, **kwargs)


def close_pool_connections() -> None:
    """Close the connection of every thread of all pools, and of this one; later calls open new ones."""
    for pool, threads in ((_pool, settings.DATABASE_THREADS), (_reserve, RESERVED), (_heart, 1)):
        # All threads of a pool meet, so that each closes its own.
        meeting = Barrier(threads)
        for done in [pool.submit(_close_after, meeting) for _ in range(threads)]:
            done.result()
    connections.close_all()


def _close_after(meeting: Barrier) -> None:
    meeting.wait(timeout=30)
    connections.close_all()
