"""Splitting bytes into events, in every way in which a network can slice them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.agents import sse
from chat.agents.sse import EventTooLongError, SseSplitter


def split(*slices: bytes) -> list[bytes]:
    splitter = SseSplitter()
    return [event for slice_ in slices for event in splitter.feed(slice_)] + splitter.end()


def test_each_event_is_its_data() -> None:
    assert split(b"data: one\n\ndata: two\n\n") == [b"one", b"two"]


def test_one_space_after_the_colon_belongs_to_the_syntax() -> None:
    assert split(b"data:none\n\ndata: one\n\ndata:  two\n\n") == [b"none", b"one", b" two"]


def test_data_lines_of_one_event_are_joined() -> None:
    assert split(b"data: one\ndata: two\n\n") == [b"one\ntwo"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_any_of_three_ways(end: bytes) -> None:
    assert split(end.join([b"data: one", b"data: two", b"", b"data: three", b"", b""])) == [b"one\ntwo", b"three"]


def test_cr_and_lf_in_two_slices_are_one_line_end() -> None:
    assert split(b"data: one\r", b"\ndata: two\r", b"\n\r", b"\n") == [b"one\ntwo"]


def test_comments_and_other_fields_are_dropped() -> None:
    assert split(b": hello\nevent: x\nid: 7\nretry: 9\ndata: one\n\n:\n\n") == [b"one"]


def test_empty_lines_alone_are_no_event() -> None:
    assert split(b"\n\n\n\n") == []


def test_line_separators_of_unicode_end_no_line() -> None:
    text = "data: a\u2028b\u0085c\x0bd\n\n".encode()
    assert split(text) == ["a\u2028b\u0085c\x0bd".encode()]


def test_event_without_its_empty_line_counts_at_the_end() -> None:
    assert split(b"data: one\n") == [b"one"]


def test_unfinished_line_is_dropped_at_the_end() -> None:
    assert split(b"data: one\n\ndata: tw") == [b"one"]


def test_event_is_there_as_soon_as_its_last_byte_came() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"data: one\r\n\r") == [b"one"]
    assert splitter.feed(b"\n") == []


def test_a_page_is_seen_to_be_no_event_stream() -> None:
    splitter = SseSplitter()
    splitter.feed(b": comment\ndata: x\n\n")
    assert not splitter.foreign
    splitter.feed(b"<!doctype html>\n")
    assert splitter.foreign


@pytest.mark.parametrize("slice_", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_line_and_event_without_end_are_refused(slice_: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 10_000)
    splitter = SseSplitter()
    for _ in range(9):
        splitter.feed(slice_)
    with pytest.raises(EventTooLongError):
        splitter.feed(slice_ * 2)


LINES = st.sampled_from(
    [b"data: one", b"data:two", b'data: {"a": "\xc3\xbc"}', b"data", b": comment", b"event: x", b"", b"", b"", b"junk"]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@settings(max_examples=200, deadline=None)
@given(
    stream=st.lists(st.tuples(LINES, ENDS), max_size=12).map(lambda lines: b"".join(a + b for a, b in lines)),
    cuts=st.lists(st.integers(0, 200), max_size=12),
)
def test_any_slicing_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    slices = [stream[start:end] for start, end in pairwise(edges)]
    assert b"".join(slices) == stream
    assert split(*slices) == split(stream) == split(*(bytes([byte]) for byte in stream))
