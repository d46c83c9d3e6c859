"""The settings of the fault tests, in a process whose clock is wrong by SKEW seconds.

What Python's own code asks for the time gets the wrong one; the monotonic clock, and the database's, are what they are.
It is not libfaketime, which would lie to `datetime.now` too (here only a model's Retry-After is compared with that):
libfaketime is under the GPL, and its wheel, though tagged for any machine, holds a library for x86-64 with glibc alone.
The test that uses this module passes with it as well (0.9.10 by LD_PRELOAD, with DONT_FAKE_MONOTONIC=1).
"""

from __future__ import annotations

import datetime as dt
import os
import time

from django.utils import timezone

SKEW = float(os.environ["SKEW"])

_time = time.time


def _wrong_time() -> float:
    return _time() + SKEW


def _wrong_now() -> dt.datetime:
    return dt.datetime.fromtimestamp(_wrong_time(), tz=dt.UTC)


time.time = _wrong_time
timezone.now = _wrong_now

if os.environ.get("FAULTS") == "whole":
    from config.settings import *  # noqa: F403  # settings are all of a module
else:
    from tests.faults.hurried import *  # noqa: F403  # likewise
