"""How log lines look: for people on a terminal, else one JSON object a line, with the ids that it is about as fields.

Ids come from `about`, which holds for everything that a task logs from then on (Django, agents and libraries too), or
from `extra={"run": …, "chat": …}` of a single line.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import Any
from uuid import UUID

_about: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039  # replaced, never changed
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_PLAIN = (str, int, float, bool, UUID)


def about(**ids: object) -> None:
    """Give these ids to every line that this task (or thread), and tasks that it starts, log from now on."""
    _about.set(_about.get() | {name: str(value) for name, value in ids.items()})


def formatter(*, debug: bool) -> str:
    """Which of the formatters of `settings.LOGGING` this process uses."""
    return "line" if debug or sys.stderr.isatty() else "json"


class JsonLines(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `message`, the ids, and `exception` with its traceback; never a line break."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_about.get(),
            **{
                name: str(value) if isinstance(value, UUID) else value
                for name, value in record.__dict__.items()
                if name not in _STANDARD and isinstance(value, _PLAIN)
            },
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
