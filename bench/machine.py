"""Cores, processes and what they cost; and the machine in words, without which no figure means anything."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ALL: frozenset[int] = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
"""The cores that this process was given, before it pinned itself; empty where a system cannot pin."""
MEASURED = frozenset({min(ALL)}) if len(ALL) > 1 else ALL
"""The core of what is measured."""
LOADING = frozenset({max(ALL)}) if len(ALL) > 1 else ALL
"""The core of the load, and of everything else."""


def pin(cores: frozenset[int]) -> None:
    """Keep the calling thread, and every process and thread that it starts from now on, on these cores."""
    if cores:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def starting_on(cores: frozenset[int]) -> Iterator[None]:
    """Processes started in this block stay on these cores; the caller comes back to where it was."""
    before = frozenset(os.sched_getaffinity(0)) if cores else cores
    pin(cores)
    try:
        yield
    finally:
        pin(before)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, all its threads and none of its children."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def rss(pid: int) -> int:
    """Bytes of resident memory of a process."""
    return int(psutil.Process(pid).memory_info().rss)


class Busy:
    """How much of the machine was used between two moments, by whomever: `busy.since` from 0 to the number of cores."""

    def __init__(self) -> None:
        self._times = psutil.cpu_times()
        self._at = time.monotonic()

    def since(self) -> float:
        """Cores in use on average since this was made."""
        then, times = self._times, psutil.cpu_times()
        idle = (times.idle - then.idle) + (getattr(times, "iowait", 0) - getattr(then, "iowait", 0))
        return float(max(os.cpu_count() or 1, 1) - idle / max(time.monotonic() - self._at, 1e-9))


def description() -> dict[str, str]:
    """The machine and the versions that matter, for people."""
    import aiohttp
    import channels
    import daphne
    import django
    import openai
    import uvloop

    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": ", ".join(
            f"{module.__name__} {getattr(module, '__version__', '')}"
            for module in (django, channels, daphne, uvloop, openai, aiohttp)
        ),
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
