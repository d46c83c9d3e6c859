"""What a client may get wrong: each has an answer with a code and a sentence, loses nothing, and harms no one else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests import TIMEOUT
from tests.people import Person, new_person, script
from tests.server import ServerProcess
from tests.state import Frame, shown
from tests.wire import Wire

NO_JSON = "invalid_json"
NO_COMMAND = "invalid_command"


def command(kind: str = "message.send", **fields: Any) -> str:
    """A frame with the id `bad`."""
    return json.dumps({"type": kind, "id": "bad", **fields})


@pytest.fixture(scope="module")
def ada(server: ServerProcess) -> Person:
    return new_person(server)


@pytest_asyncio.fixture
async def wire(ada: Person) -> AsyncIterator[Wire]:
    async with Wire(ada) as wire:
        yield wire


@pytest_asyncio.fixture
async def chat(ada: Person) -> str:
    return await ada.new_chat()


async def assert_usable(wire: Wire, chat: str) -> None:
    """The socket still does everything: opens a chat, posts, and shows the reply."""
    await wire.ask("chat.open", chat=chat)
    sent = await wire.ask("message.send", chat=chat, text=script(words=3, delay=0), client_id=uuid4().hex)
    await wire.until(lambda: shown(wire.frames, chat, sent["reply"]) == ("complete", "word1 word2 word3"))


def assert_refused(frame: Frame, code: str) -> None:
    """An error with this code and a sentence for people."""
    assert (frame["type"], frame["code"]) == ("error", code)
    assert not frame["message"][0].islower()
    assert frame["message"].endswith(".")


async def hasty(person: Person, sent: str) -> bytes:
    """Send a frame as soon as the handshake is over; returns what comes back, up to an answer or a close."""
    server = person.server
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = (
        f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {server.origin}\r\nCookie: {person.cookie}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    payload = sent.encode()
    frame = b"\x81" + bytes([0x80 | len(payload)]) + bytes(4) + payload  # masked with zeros
    writer.write(head.encode())
    said = b""
    try:
        async with asyncio.timeout(TIMEOUT):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame)
            while not said.endswith((4401).to_bytes(2)) and not WANTED.search(said):
                said += await reader.readexactly(1)
    finally:
        writer.transport.abort()
    return said


CHAT = str(uuid4())
WANTED = re.compile(rb'"(error|chat.snapshot)"')
FRAMES = {
    "no JSON": ("{", NO_JSON, None),
    "nothing": (" ", NO_JSON, None),
    "an array": ("[]", NO_COMMAND, None),
    "a string": ('"chat.open"', NO_COMMAND, None),
    "null": ("null", NO_COMMAND, None),
    "deep nesting": ("[" * 60_000, NO_COMMAND, None),
    "deep nesting in a field": (command("run.stop", run=0)[:-2] + "[" * 60_000, NO_COMMAND, None),
    "deep nesting in the id": ('{"type":"run.stop","id":' + '{"a":' * 10_000, NO_COMMAND, None),
    "NaN": (command("chat.open", chat=CHAT, version=float("nan")), NO_JSON, None),
    "infinity": (command("chat.open", chat=CHAT, version=float("inf")), NO_JSON, None),
    "a raw NUL": (command(chat=CHAT, text="a", client_id="c").replace('"a"', '"\x00"'), NO_JSON, None),
    "NUL in the text": (command(chat=CHAT, text="a\x00b", client_id="c"), NO_COMMAND, "bad"),
    "NUL in a client_id": (command(chat=CHAT, text="a", client_id="\x00"), NO_COMMAND, "bad"),
    "NUL in a title": (command("chat.create", title="a\x00", client_id="c"), NO_COMMAND, "bad"),
    "a lone surrogate": (command(chat=CHAT, text="a\ud800b", client_id="c"), NO_JSON, None),
    "a low surrogate": (command(chat=CHAT, text="a\udc00b", client_id="c"), NO_JSON, None),
    "an unknown type": (command("chat.destroy", chat=CHAT), NO_COMMAND, "bad"),
    "no type": ('{"id": "bad"}', NO_COMMAND, "bad"),
    "a number as type": ('{"id": "bad", "type": 7}', NO_COMMAND, "bad"),
    "a missing field": (command(chat=CHAT, text="a"), NO_COMMAND, "bad"),
    "a missing id": (json.dumps({"type": "chat.close", "chat": CHAT}), NO_COMMAND, None),
    "an empty id": (json.dumps({"type": "chat.close", "chat": CHAT, "id": ""}), NO_COMMAND, None),
    "an id of 65 characters": (json.dumps({"type": "chat.close", "chat": CHAT, "id": "i" * 65}), NO_COMMAND, None),
    "an extra field": (command("chat.close", chat=CHAT, colour="red"), NO_COMMAND, "bad"),
    "a number as text": (command(chat=CHAT, text=5, client_id="c"), NO_COMMAND, "bad"),
    "a chat that is no UUID": (command("chat.open", chat="../etc"), NO_COMMAND, "bad"),
    "a fraction as version": (command("chat.open", chat=CHAT, version=1.5), NO_COMMAND, "bad"),
    "65 runs": (command("chat.open", chat=CHAT, runs={str(uuid4()): 1 for _ in range(65)}), NO_COMMAND, "bad"),
    "a run that is no UUID": (command("chat.open", chat=CHAT, runs={"first": 1}), NO_COMMAND, "bad"),
    "received with an id": (command("received", count=1), NO_COMMAND, "bad"),
    "received of less than nothing": ('{"type": "received", "count": -1}', NO_COMMAND, None),
    "received of too many": ('{"type": "received", "count": 1000}', NO_COMMAND, None),
    "70 KB": (command(chat=CHAT, text="x" * 70_000, client_id="c"), "frame_too_large", "bad"),
    "1 MB without an end": ('{"id": "bad", "text": "' + "x" * 1_000_000, "frame_too_large", None),
    "an empty message": (command(chat=CHAT, text=" \n\t ", client_id="c"), "text_empty", "bad"),
    "a message of 50 KB": (command(chat=CHAT, text="x" * 50_000, client_id="c"), "text_too_long", "bad"),
    "an unknown agent": (command(chat=CHAT, text="a", client_id="c", agent="nobody"), "unknown_agent", "bad"),
    "a chat for an unknown agent": (command("chat.create", client_id="c", agent="no"), "unknown_agent", "bad"),
    "a title of 201 characters": (command("chat.create", client_id="c", title="t" * 201), NO_COMMAND, "bad"),
}


@pytest.mark.parametrize(("sent", "code", "answers"), FRAMES.values(), ids=FRAMES)
async def test_a_bad_frame_is_answered_and_the_socket_goes_on(
    wire: Wire, chat: str, sent: str, code: str, answers: str | None
) -> None:
    await wire.send(sent)
    assert_refused(await wire.answer(answers), code)
    await assert_usable(wire, chat)


async def test_a_binary_frame_is_refused_and_the_socket_goes_on(wire: Wire, chat: str) -> None:
    await wire.send(command("chat.close", chat=chat).encode(), text=False)
    assert_refused(await wire.answer(None), "text_frames_only")
    await assert_usable(wire, chat)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b'{"text": "' + b"x" * 2_000_000, 1009), (b'{"text": "\xff\xfe"}', 1007)],
    ids=["2 MB", "no UTF-8"],
)
async def test_a_frame_that_breaks_the_protocol_closes_its_own_socket_only(
    wire: Wire, server: ServerProcess, chat: str, sent: bytes, code: int
) -> None:
    eve = new_person(server)
    async with Wire(wire.person) as another, Wire(eve) as stranger:
        await wire.send(sent, text=True)
        assert await wire.close_code() == code
        await assert_usable(another, chat)
        await assert_usable(stranger, await eve.new_chat())


CURSORS: dict[str, dict[str, Any]] = {
    "no version": {"version": 0},
    "a negative version": {"version": -1},
    "a version to come": {"version": 1000},
    "a version beyond 64 bits": {"version": 10**30},
    "a run of nobody": {"version": 2, "runs": {str(uuid4()): 1}},
    "a seq to come": {"version": 2, "runs": {"{run}": 1000}},
    "a seq beyond 64 bits": {"version": 2, "runs": {"{run}": 10**30}},
    "a negative seq": {"version": 2, "runs": {"{run}": -1}},
    "a live run left out": {"version": 2},
}


@pytest.mark.parametrize("cursors", CURSORS.values(), ids=CURSORS)
async def test_cursors_that_make_no_sense_get_a_snapshot(wire: Wire, chat: str, cursors: dict[str, Any]) -> None:
    sent = await wire.ask("message.send", chat=chat, text=script(words=3, delay=0, hang_after=2), client_id="m")
    cursors = json.loads(json.dumps(cursors).replace("{run}", sent["run"]))
    assert (await wire.ask("chat.open", chat=chat, **cursors))["resumed"] is False
    assert (await wire.frame("chat.snapshot"))["version"] == 2
    await wire.ask("run.stop", run=sent["run"])
    await wire.until(lambda: shown(wire.frames, chat, sent["reply"])[0] == "stopped")


async def test_a_message_too_long_for_the_socket_is_told_to_come_by_http(wire: Wire, chat: str) -> None:
    for size in (50_000, 60_000):
        refusal = await wire.refusal("message.send", chat=chat, text="x" * size, client_id="c")
        assert_refused(refusal, "text_too_long")
        assert "HTTP" in refusal["message"]


async def test_a_message_while_one_is_being_answered_is_refused_and_loses_nothing(wire: Wire, chat: str) -> None:
    await wire.ask("chat.open", chat=chat)
    first = await wire.ask("message.send", chat=chat, text=script(words=5, hang_after=2), client_id="first")
    assert_refused(await wire.refusal("message.send", chat=chat, text="more", client_id="second"), "chat_busy")
    # A repeat is no second message, also while the chat is busy.
    again = await wire.ask("message.send", chat=chat, text="different", client_id="first")
    assert {**again, "id": first["id"]} == first
    await wire.ask("run.stop", run=first["run"])
    await wire.until(lambda: next((f for f in wire.frames if f["type"] == "chat.changed" and f["version"] == 3), None))
    assert {**await wire.ask("message.send", chat=chat, text="x", client_id="first"), "id": first["id"]} == first
    second = await wire.ask("message.send", chat=chat, text=script(words=1), client_id="second")
    assert second["message"] != first["message"]


async def test_a_chat_made_twice_is_made_once(wire: Wire) -> None:
    client_id = uuid4().hex
    first, second = [await wire.ask("chat.create", client_id=client_id, title="One") for _ in range(2)]
    assert first["chat"] == second["chat"]


async def test_a_run_stopped_twice_and_after_its_end_is_acknowledged(wire: Wire, chat: str) -> None:
    sent = await wire.ask("message.send", chat=chat, text=script(words=1, delay=0), client_id="m")
    for _ in range(3):
        await wire.ask("run.stop", run=sent["run"])


async def test_forty_commands_at_once_are_answered_or_the_socket_is_closed_as_too_many(ada: Person, chat: str) -> None:
    async with Wire(ada) as wire:
        ids = [await wire.post("chat.open", chat=chat) for _ in range(40)]
        answers = asyncio.gather(*(wire.answer(command_id) for command_id in ids), return_exceptions=True)
        outcomes = await answers
        if any(isinstance(outcome, Exception) for outcome in outcomes):
            assert await wire.close_code() == 4429
    async with Wire(ada) as wire:
        await assert_usable(wire, chat)


async def test_hundreds_of_commands_at_once_close_the_socket_as_too_many(ada: Person, chat: str) -> None:
    async with Wire(ada) as wire:
        for _ in range(400):
            await wire.post("message.send", chat=chat, text=script(words=1), client_id="same")
        assert await wire.close_code() == 4429


async def test_more_than_64_chats_are_not_open_at_once_on_a_socket(server: ServerProcess) -> None:
    person = new_person(server)
    async with Wire(person) as wire:
        chats = [(await wire.ask("chat.create", client_id=f"{n}"))["chat"]["id"] for n in range(65)]
        for chat in chats[:64]:
            await wire.ask("chat.open", chat=chat)
        assert_refused(await wire.refusal("chat.open", chat=chats[64]), "too_many_chats")
        await wire.ask("chat.open", chat=chats[0])
        await wire.ask("chat.close", chat=chats[1])
        await wire.ask("chat.open", chat=chats[64])


async def test_whoever_is_signed_out_is_told_so_whatever_they_send(ada: Person, server: ServerProcess) -> None:
    for sent in ('{"type": "received", "count": 0}', "{", command("chat.open", chat=CHAT)):
        said = await hasty(Person(server, "", "no-such-session"), sent)
        assert said.endswith((4401).to_bytes(2))
        assert b"error" not in said


async def test_whoever_cannot_wait_for_hello_is_answered_all_the_same(ada: Person, chat: str) -> None:
    assert b'"error"' in await hasty(ada, "{")
    assert b'"chat.snapshot"' in await hasty(ada, command("chat.open", chat=chat))


async def test_whoever_signs_out_is_told_so_soon(server: ServerProcess) -> None:
    person = new_person(server)
    async with Wire(person) as wire:
        answer = await asyncio.to_thread(person.sign_out)
        assert answer.status == 302
        assert await wire.close_code() == 4401


def test_nothing_of_all_this_was_a_surprise_to_the_server(server: ServerProcess) -> None:
    assert "Traceback" not in server.log
