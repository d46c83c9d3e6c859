"""Server-sent events, split out of the bytes of a response. No I/O: bytes in, the `data` of whole events out."""

from __future__ import annotations

MAX_EVENT = 4 * 1024 * 1024
"""Bytes of one event, or of one line, that are still read. A megabyte in one event is odd but legal (a whole tool call
in one delta); beyond this it is something other than a model's reply."""

_OTHER_FIELDS = (b":", b"event", b"id", b"retry", b"data")


class EventTooLongError(ValueError):
    """An event or a line is longer than `MAX_EVENT`."""


class SseSplitter:
    """Feed it what the network gives, in any slices: it returns the same events for every way of slicing.

    `event`, `id`, `retry` and comments are dropped, since Chat Completions says everything in `data`. Lines end with
    LF, CR LF or CR; the `data` lines of one event are joined with LF, as the HTML standard says (section 9.2.6).
    """

    def __init__(self) -> None:
        self.foreign = False
        """A line came that no event stream has: of a page of HTML, a JSON object, anything."""
        self._held: list[bytes] = []  # a line whose end has not come, joined once: a long line costs linear time
        self._held_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._after_cr = False

    def feed(self, slice_: bytes) -> list[bytes]:
        """The `data` of the events that `slice_` completes. Raises `EventTooLongError`."""
        events = []
        data = self._data
        for line in self._lines(slice_):
            if line.startswith(b"data:"):
                data.append(line[6:] if line.startswith(b"data: ") else line[5:])
                self._data_size += len(line)
                if self._data_size > MAX_EVENT:
                    raise EventTooLongError
            elif line:
                self.foreign = self.foreign or not line.startswith(_OTHER_FIELDS)
            elif data:
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
                self._data_size = 0
        return events

    def end(self) -> list[bytes]:
        """What the end of the stream completes: an event whose lines are whole but whose empty line never came.

        The standard drops it; servers exist that leave out the last empty line. An unfinished line is dropped.
        """
        events = [b"\n".join(self._data)] if self._data else []
        self._data.clear()
        return events

    def _lines(self, slice_: bytes) -> list[bytes]:
        """The lines that `slice_` completes, without their ends."""
        if self._after_cr and slice_:
            # The CR has ended its line already; an LF belongs to it and makes no empty line of its own.
            self._after_cr = False
            slice_ = slice_.removeprefix(b"\n")
        if not slice_:
            return []
        self._after_cr = slice_.endswith(b"\r")
        lines = slice_.splitlines()
        rest = b"" if slice_.endswith((b"\n", b"\r")) else lines.pop()
        if lines and self._held:
            lines[0] = b"".join((*self._held, lines[0]))
            self._held.clear()
            self._held_size = 0
        if rest:
            self._held.append(rest)
            self._held_size += len(rest)
            if self._held_size > MAX_EVENT:
                raise EventTooLongError
        return lines
