"""Several threads that do something at the same moment, each on a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

from tests import TIMEOUT

R = TypeVar("R")


def at_once(*functions: Callable[[], R]) -> list[R | Exception]:
    """Call all of them at once; what each returned or raised, in the same order."""
    barrier = Barrier(len(functions))

    def call(function: Callable[[], R]) -> R | Exception:
        barrier.wait(TIMEOUT)
        try:
            return function()
        except Exception as error:  # noqa: BLE001  # the caller looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as threads:
        return list(threads.map(call, functions))
