"""What a client says, and how each kind of nonsense is refused."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.protocol import commands
from chat.protocol.codes import ChatError, FrameTooLarge, InvalidCommand, InvalidJson
from chat.protocol.commands import ChatClose, ChatCreate, ChatOpen, MessageSend, Received, RunStop, command_id, decode

CHAT = "0190d0f7-5f4c-7cc0-b1ab-000000000001"
RUN = "0190d0f7-5f4c-7cc0-b1ab-000000000002"


def frame(kind: str, /, **fields: Any) -> str:
    return json.dumps({"type": kind, "id": "c1", **fields})


def test_each_command_is_read_into_its_type() -> None:
    chat, run = UUID(CHAT), UUID(RUN)
    assert decode(frame("chat.create", client_id="k")) == ChatCreate(id="c1", client_id="k")
    assert decode(frame("chat.create", client_id="k", title="T", agent="a")) == ChatCreate("c1", "k", "T", "a")
    assert decode(frame("chat.open", chat=CHAT)) == ChatOpen(id="c1", chat=chat)
    assert decode(frame("chat.open", chat=CHAT, version=3, runs={RUN: 9})) == ChatOpen("c1", chat, 3, {run: 9})
    assert decode(frame("chat.close", chat=CHAT)) == ChatClose(id="c1", chat=chat)
    assert decode(frame("message.send", chat=CHAT, text="hi", client_id="k")) == MessageSend("c1", chat, "hi", "k")
    assert decode(frame("run.stop", run=RUN)) == RunStop(id="c1", run=run)
    assert decode('{"type":"received","count":4}') == Received(count=4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'type': 'received'}",
        '{"type":"received","count":1}}',
        '\ufeff{"type":"received","count":1}',
        '{"type":"received","count":NaN}',
        '{"type":"received","count":Infinity}',
        f'{{"type":"chat.close","id":"a\x00b","chat":"{CHAT}"}}',  # raw, not escaped
        f'{{"type":"chat.close","id":"\\ud800","chat":"{CHAT}"}}',
        f'{{"type":"chat.close","id":"\\udc00\\ud800","chat":"{CHAT}"}}',
        f'{{"type":"chat.close","id":"\ud800","chat":"{CHAT}"}}',  # no UTF-8 has this, but a str may
        '{"a":' * 10_000,
    ],
)
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InvalidJson):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "1",
        '"text"',
        "[]",
        "[" * 60_000,
        "{}",
        '{"id":"c1"}',
        '{"type":5,"id":"c1"}',
        frame("chat.destroy", chat=CHAT),
        frame("chat.close"),
        frame("chat.close", chat=None),
        frame("chat.close", chat="not-a-uuid"),
        frame("chat.close", chat=CHAT, extra=1),
        frame("chat.close", chat=CHAT, id=7),
        frame("chat.close", chat=CHAT, id=""),
        frame("chat.close", chat=CHAT, id="x" * 65),
        frame("chat.open", chat=CHAT, version="1"),
        frame("chat.open", chat=CHAT, version=1.5),
        frame("chat.open", chat=CHAT, version=True),
        frame("chat.open", chat=CHAT, runs=[RUN]),
        frame("chat.open", chat=CHAT, runs={"x": 1}),
        frame("chat.open", chat=CHAT, runs={RUN: None}),
        frame("chat.open", chat=CHAT, runs={str(UUID(int=number)): 1 for number in range(65)}),
        frame("chat.create"),
        frame("chat.create", client_id=""),
        frame("chat.create", client_id="x" * 65),
        frame("chat.create", client_id="k", title="x" * 201),
        frame("chat.create", client_id="k", agent="x" * 65),
        frame("message.send", chat=CHAT, client_id="k"),
        frame("message.send", chat=CHAT, text="hi"),
        frame("message.send", chat=CHAT, text=["hi"], client_id="k"),
        frame("message.send", chat=CHAT, text="a\x00b", client_id="k"),
        frame("message.send", chat=CHAT, text="hi", client_id="a\x00"),
        frame("run.stop", run=5),
        '{"type":"received"}',
        '{"type":"received","count":-1}',
        '{"type":"received","count":"1"}',
        '{"type":"received","count":1,"id":"c1"}',
        frame("chat.close", chat=CHAT, k=json.loads("[" * 400 + "]" * 400)),
    ],
)
def test_json_that_is_no_command_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        decode(text)
    assert type(refusal.value) is InvalidCommand


def test_a_nesting_of_a_hundred_thousand_is_too_large_and_not_a_crash() -> None:
    with pytest.raises(FrameTooLarge):
        decode("[" * 100_000)
    assert command_id('{"id":' + "[" * 100_000) is None
    assert command_id('{"id":"c1","x":' + "[" * 100_000) is None


def test_the_limit_is_in_bytes_not_characters() -> None:
    rest = len(frame("message.send", chat=CHAT, text="", client_id="k").encode())
    fits = "é" * ((commands.MAX_FRAME - rest) // 2)

    def sent(text: str) -> str:
        return frame("message.send", chat=CHAT, text="@", client_id="k").replace("@", text)

    assert len(sent(fits)) < commands.MAX_FRAME * 0.6
    assert decode(sent(fits)).text == fits  # type: ignore[union-attr]
    with pytest.raises(FrameTooLarge):
        decode(sent(fits + "é"))
    with pytest.raises(FrameTooLarge):
        decode("x" * (commands.MAX_FRAME + 1))


def test_a_refusal_names_the_field_and_stays_short() -> None:
    with pytest.raises(InvalidCommand, match=r"version"):
        decode(frame("chat.open", chat=CHAT, version="1"))
    with pytest.raises(InvalidCommand) as refusal:
        decode(frame("chat.close", chat=CHAT, **{"k" * 60_000: 1}))
    assert len(refusal.value.message) < 300


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_arrives_as_it_was_written(text: str) -> None:
    command = decode(frame("message.send", chat=CHAT, text=text, client_id="k"))
    assert isinstance(command, MessageSend)
    assert command.text == text


@given(st.text(st.characters(codec=None)))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    for sent in (text, f'{{"type":"chat.close","id":"{text}","chat":"{CHAT}"}}'):
        try:
            decode(sent)
        except ChatError:
            command_id(sent)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"id":"c1"}', "c1"),
        (frame("chat.destroy"), "c1"),
        (frame("chat.close", chat=CHAT, extra={"deep": [1, 2]}), "c1"),
        ('{"id":"' + "x" * 64 + '"}', "x" * 64),
        ('{"id":"' + "x" * 65 + '"}', None),
        ('{"id":""}', None),
        ('{"id":5}', None),
        ('{"id":"\\ud800"}', None),
        ('{"id":"\ud800"}', None),
        ('{"type":"received"}', None),
        ("[]", None),
        ("{", None),
        ("", None),
    ],
)
def test_an_error_finds_the_id_to_answer_to_where_there_is_one(text: str, found: str | None) -> None:
    assert command_id(text) == found


def test_a_frame_over_the_limit_is_still_answered_by_its_id() -> None:
    assert command_id(frame("message.send", text="x" * 100_000)) == "c1"


def test_nul_is_found_in_texts_only() -> None:
    class Body(msgspec.Struct):
        text: str
        number: int = 0

    assert commands.has_nul(Body("a\x00b"))
    assert not commands.has_nul(Body("ab"))
