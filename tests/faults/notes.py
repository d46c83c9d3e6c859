"""Harm to the notes between workers and to nothing else: a change for a `Proxy` before Redis.

A connection that subscribes carries notes downwards; each is told apart in the bytes, so that it can be lost, doubled
or late while the log, on other connections, works as ever.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.faults.proxy import Change, Direction

_BEGIN = re.compile(rb"[*>]3\r\n\$7\r\nmessage\r\n\$(\d+)\r\n")
_LENGTH = re.compile(rb"\r\n\$(\d+)\r\n")
_OPENING = (b"*3\r\n$7\r\nmessage\r\n$", b">3\r\n$7\r\nmessage\r\n$")

Fate = Callable[[], list[float]]
"""For one note: the seconds after which it arrives, once for each time that it does."""


def lost() -> list[float]:
    """It never arrives."""
    return []


def doubled_and_late() -> list[float]:
    """It arrives twice, the first time soon or late, the second time seconds later, when others have overtaken it."""
    first = random.uniform(0.001, 1)  # noqa: S311  # keeps no secret
    return [first, first + random.uniform(0.001, 3)]  # noqa: S311  # likewise


class NoteFaults:
    """What happens to notes; `fate` None leaves them alone. `met` counts those that were not left alone."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate
        self.met = 0

    def __call__(self) -> Change:
        """The change of one connection."""
        subscribed = False
        waiting = b""

        def change(way: Direction, data: bytes) -> list[tuple[float, bytes]]:
            nonlocal subscribed, waiting
            if way == "up":
                subscribed = subscribed or b"SUBSCRIBE" in data.upper()
                return [(0.0, data)]
            if not subscribed:
                return [(0.0, data)]
            pieces, waiting = self._split(waiting + data)
            return pieces

        return change

    def _split(self, data: bytes) -> tuple[list[tuple[float, bytes]], bytes]:
        pieces: list[tuple[float, bytes]] = []
        while data:
            found = _BEGIN.search(data)
            if found is None:
                # The end may be the beginning of a note.
                kept = max((size for size in range(1, 32) if _may_begin(data[-size:])), default=0)
                if len(data) > kept:
                    pieces.append((0.0, data[: len(data) - kept]))
                return pieces, data[len(data) - kept :]
            if found.start():
                pieces.append((0.0, data[: found.start()]))
            data = data[found.start() :]
            end = _end(data)
            if end is None:
                return pieces, data
            note, data = data[:end], data[end:]
            if self.fate is None:
                pieces.append((0.0, note))
            else:
                self.met += 1
                pieces += [(seconds, note) for seconds in self.fate()]
        return pieces, b""


def _may_begin(tail: bytes) -> bool:
    return any(opening.startswith(tail) for opening in _OPENING) or any(
        tail.startswith(opening) and tail[len(opening) :].rstrip(b"\r").isdigit() for opening in _OPENING
    )


def _end(data: bytes) -> int | None:
    """Where a note that begins here ends, if all of it is there."""
    begin = _BEGIN.match(data)
    assert begin is not None
    at = begin.end() + int(begin[1])
    length = _LENGTH.match(data, at)
    if length is None:
        return None
    end = length.end() + int(length[1]) + 2
    return end if len(data) >= end else None
