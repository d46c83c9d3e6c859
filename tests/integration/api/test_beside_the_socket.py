"""HTTP beside the socket: the same services, so what one does the other shows."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from chat.agents.scripted import numbered_words
from tests import TIMEOUT
from tests.people import Person, new_person, script
from tests.server import ServerProcess
from tests.state import shown
from tests.wire import Wire


@pytest.fixture(scope="module")
def ada(server: ServerProcess) -> Person:
    return new_person(server)


async def send(person: Person, chat: str, said: str) -> Any:
    """Post a message by HTTP; returns the ids."""
    return await person.api("POST", f"chats/{chat}/messages", {"text": said, "client_id": uuid4().hex})


async def ended(wire: Wire, chat: str, reply: str) -> tuple[str, str]:
    """Wait until a reply has ended; returns its status and text as the socket showed them."""
    await wire.until(lambda: shown(wire.frames, chat, reply)[0] not in ("", "streaming"))
    return shown(wire.frames, chat, reply)


async def test_a_message_sent_by_http_streams_to_an_open_socket(ada: Person) -> None:
    chat = await ada.new_chat()
    async with Wire(ada) as wire:
        await wire.ask("chat.open", chat=chat)
        sent = await send(ada, chat, script(words=40, delay=0.002))
        assert await ended(wire, chat, sent["reply"]) == ("complete", numbered_words(40))


async def test_a_message_of_a_mebibyte_comes_by_http_and_one_byte_more_does_not(ada: Person) -> None:
    chat = await ada.new_chat()
    # Two bytes a character, and six once JSON has escaped it: the limit is of the text, not of its wrapping.
    longest = "é" * (512 * 1024)
    sent = await send(ada, chat, longest)
    kept = await ada.api("GET", f"chats/{chat}/messages/{sent['message']}")
    assert kept["parts"][0]["text"] == longest
    async with Wire(ada) as wire:
        await wire.ask("chat.open", chat=chat)
        snapshot = await wire.frame("chat.snapshot")
        assert snapshot["messages"][0]["clipped"] is True
        assert wire.largest < 512 * 1024
    body = {"text": longest + "x", "client_id": "m"}
    refused = await asyncio.to_thread(ada.call, "POST", f"chats/{await ada.new_chat()}/messages", body)
    assert (refused.status, json.loads(refused.body)["code"]) == (413, "text_too_long")


async def test_a_run_stopped_by_http_stops_in_the_socket(ada: Person) -> None:
    chat = await ada.new_chat()
    async with Wire(ada) as wire:
        await wire.ask("chat.open", chat=chat)
        sent = await send(ada, chat, script(words=20, delay=0, hang_after=5))
        await wire.until(lambda: "word5" in shown(wire.frames, chat, sent["reply"])[1])
        await ada.api("POST", f"runs/{sent['run']}/stop")
        assert await ended(wire, chat, sent["reply"]) == ("stopped", "word1 word2 word3 word4 word5 ")
    page = await ada.api("GET", f"chats/{chat}/messages")
    assert page["messages"][-1]["parts"][0]["text"] == "word1 word2 word3 word4 word5 "


async def test_who_reads_by_http_during_a_reply_reads_the_beginning_of_it(ada: Person) -> None:
    chat = await ada.new_chat()
    async with Wire(ada) as wire:
        await wire.ask("chat.open", chat=chat)
        sent = await send(ada, chat, script(words=400, delay=0.001))
        read: list[str] = []
        while True:
            message = await ada.api("GET", f"chats/{chat}/messages/{sent['reply']}")
            read.append("".join(part["text"] for part in message["parts"]))
            if message["status"] != "streaming":
                break
        _, whole = await ended(wire, chat, sent["reply"])
    assert read[-1] == whole
    assert all(whole.startswith(said) for said in read)
    assert sorted(read, key=len) == read
    assert any(0 < len(said) < len(whole) for said in read)


async def send_and_go(person: Person, chat: str, patience: float) -> None:
    """Post a message by HTTP, and end the connection some seconds later whether an answer has come or not."""
    body = json.dumps({"text": script(words=3, delay=0), "client_id": "m"}).encode()
    head = f"POST /api/chats/{chat}/messages HTTP/1.1\r\nHost: 127.0.0.1:{person.server.port}\r\n"
    headers = "".join(f"{name}: {value}\r\n" for name, value in person.headers.items())
    _, writer = await asyncio.open_connection("127.0.0.1", person.server.port)
    writer.write(f"{head}{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    await asyncio.sleep(patience)
    writer.transport.abort()


async def test_a_message_whose_sender_has_gone_is_answered(ada: Person) -> None:
    posted: list[Any] = []
    longest = 0.05
    while not posted:
        chats = [await ada.new_chat() for _ in range(10)]
        # Some go while the message is being posted. Who goes sooner has posted nothing.
        await asyncio.gather(*(send_and_go(ada, chat, longest * n / 10) for n, chat in enumerate(chats)))
        async with asyncio.timeout(TIMEOUT):
            while any([(await ada.api("GET", f"chats/{chat}"))["live"] for chat in chats]):  # noqa: ASYNC110  # by HTTP
                await asyncio.sleep(0.02)
        pages = [(await ada.api("GET", f"chats/{chat}/messages"))["messages"] for chat in chats]
        posted = [page for page in pages if page]
        longest *= 2
    for page in posted:
        assert [message["status"] for message in page] == ["complete", "complete"]
        assert page[1]["parts"][0]["text"] == "word1 word2 word3"


async def test_two_tabs_see_the_same_and_a_closed_chat_says_nothing_more(ada: Person) -> None:
    chat = await ada.new_chat()
    async with Wire(ada) as first, Wire(ada) as second, Wire(ada) as closing:
        for wire in (first, second, closing):
            await wire.ask("chat.open", chat=chat)
        sent = await send(ada, chat, script(words=200, delay=0.001))
        await closing.until(lambda: "word20 " in shown(closing.frames, chat, sent["reply"])[1])
        await closing.ask("chat.close", chat=chat)
        endings = await asyncio.gather(*(ended(wire, chat, sent["reply"]) for wire in (first, second)))
        assert endings[0] == endings[1] == ("complete", numbered_words(200))
        # Something that comes after everything else: what was to come has come.
        await closing.ask("chat.close", chat=chat)
        acks = [number for number, frame in enumerate(closing.frames) if frame["type"] == "ack"]
        assert {frame["type"] for frame in closing.frames[acks[1] :]} <= {"ack", "chats.changed"}


def test_nothing_of_all_this_was_a_surprise_to_the_server(server: ServerProcess) -> None:
    assert "Traceback" not in server.log
