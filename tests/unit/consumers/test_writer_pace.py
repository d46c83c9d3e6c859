"""How fast one socket is told, and when no more: slow readers, fast chats, hidden ones."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from chat import selectors
from chat.consumers import flow as flow_module
from chat.consumers import writer as module
from chat.database import close_pool_connections, in_database
from chat.hub import Hub
from chat.precedence import Precedence
from chat.protocol import frames
from chat.protocol.codes import Close
from chat.protocol.events import TextMessageContent
from chat.protocol.frames import Ack
from chat.protocol.transcript import Transcript, entry
from chat.services.chats import edit_chat
from chat.services.messages import Posted
from tests import TIMEOUT
from tests.agents import Speaker, saying
from tests.chats import new_chat, new_user, say
from tests.logs import MemoryLog
from tests.reader import Reader, reading
from tests.state import Frame
from tests.until import until
from tests.worker import worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> UUID:
    return new_user()


@pytest.fixture
def chats(user: UUID) -> list[UUID]:
    return [new_chat(user) for _ in range(4)]


@asynccontextmanager
async def driven(user: UUID, *chats: UUID) -> AsyncIterator[tuple[Hub, Callable[..., None], list[Posted]]]:
    """A hub without runs of its own: a call says one more token in the live run of a chat, by its number."""
    posts = [await in_database(say, user, chat) for chat in chats]
    hub = Hub(MemoryLog(), Precedence())
    transcripts = [Transcript() for _ in chats]
    for chat, posted, transcript in zip(chats, posts, transcripts, strict=True):
        hub.feeds.open(posted.run, chat, transcript)

    def say_more(number: int = 0) -> None:
        transcript = transcripts[number]
        transcript.append(entry(TextMessageContent(message_id="m", delta=f"{transcript.seq} ")))
        hub.feeds.grew(posts[number].run)

    yield hub, say_more, posts
    close_pool_connections()


@pytest.mark.parametrize("read", ["snapshot", "chat_change"])
async def test_a_chat_that_is_hidden_while_it_is_read_is_not_sent(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    shown, hidden = chats[:2]
    original, begun, go = getattr(selectors, read), threading.Event(), threading.Event()

    def slow(chat: UUID, *args: Any) -> Any:
        found = original(chat, *args)
        if chat == hidden:
            begun.set()
            go.wait(TIMEOUT)
        return found

    async with worker(Speaker(saying("Hi"))) as runtime, reading(runtime.hub, user, shown) as reader:
        if read == "chat_change":
            reader.open(hidden)
        await until(lambda: len(reader.of("chat.snapshot")) == len(reader.writer.views))
        before = len(reader.frames)
        monkeypatch.setattr(selectors, read, slow)
        if read == "snapshot":
            reader.open(hidden)
        await in_database(edit_chat, user_id=user, chat_id=hidden, title="T")
        await until(begun.is_set)
        reader.writer.hide(hidden)
        go.set()
        await in_database(edit_chat, user_id=user, chat_id=shown, title="T")
        await until(lambda: reader.of("chat.changed", chat=shown))
        said = reader.frames[before:]
    assert not [frame for frame in said if frame["type"] == "chat.snapshot" or frame.get("chat") == str(hidden)]


async def test_of_a_chat_that_is_hidden_between_two_frames_only_the_first_is_sent(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "FRAME_BUDGET", 1)
    async with driven(user, chats[0]) as (hub, say_more, _), reading(hub, user, chats[0]) as reader:
        await until(lambda: reader.of("chat.snapshot"))

        def hide(frame: Frame) -> None:
            if frame["type"] == "run.events":
                reader.writer.hide(chats[0])

        reader.on_frame = hide
        for _ in range(3):
            say_more()
        await until(lambda: reader.of("run.events"))
        reader.writer.say(Ack("c1"))
        await until(lambda: reader.of("ack"))
        assert len(reader.of("run.events")) == 1


async def test_a_slow_reader_gets_the_same_text_in_fewer_frames(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_module, "MAX_UNACKNOWLEDGED", 5000)
    async with (
        driven(user, chats[0]) as (hub, say_more, (posted,)),
        reading(hub, user, chats[0]) as fast,
        reading(hub, user, chats[0], confirms=False) as slow,
    ):
        await until(lambda: fast.of("chat.snapshot") and slow.of("chat.snapshot"))
        for number in range(200):
            say_more()
            await until(lambda number=number: len(fast.of("run.events")) == number + 1)  # type: ignore[misc]
        # Full, it was sent nothing more, and nothing was kept for it.
        held_back = len(slow.of("run.events"))
        assert held_back < 50
        assert 5000 < slow.writer.flow.unacknowledged < 6000
        slow.confirm()
        await until(lambda: slow.text(posted.reply) == fast.text(posted.reply))
        assert slow.text(posted.reply) == "".join(f"{number} " for number in range(200))
        assert len(slow.of("run.events")) == held_back + 1


async def test_however_fast_one_chat_streams_the_others_and_the_answers_have_their_turn(
    user: UUID, chats: list[UUID]
) -> None:
    fast, other = chats[:2]
    async with driven(user, fast, other) as (hub, say_more, _), reading(hub, user, fast, other) as reader:
        await until(lambda: len(reader.of("chat.snapshot")) == 2)

        def more(frame: Frame) -> None:
            """With each frame of the fast chat, more is due in it; after the first, also something elsewhere."""
            if frame.get("chat") == str(fast) and (count := len(reader.of("run.events", chat=fast))) < 500:
                say_more(0)
                if count == 1:
                    say_more(1)
                    reader.writer.say(Ack("c1"))

        reader.on_frame = more
        say_more(0)
        await until(lambda: len(reader.of("run.events", chat=fast)) == 501)
        kinds = [frame.get("chat", frame["type"]) for frame in reader.frames if frame["type"] != "chat.snapshot"]
    assert kinds.index("ack") < 5
    assert kinds.index(str(other)) < 5


async def test_a_reader_that_never_confirms_is_closed_as_too_slow(
    user: UUID, chats: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_module, "MAX_UNACKNOWLEDGED", 10)
    monkeypatch.setattr(flow_module, "PATIENCE", 0.01)
    async with (
        worker(Speaker(saying("Hi"))) as runtime,
        reading(runtime.hub, user, *chats, confirms=False) as reader,
    ):
        await until(lambda: reader.codes)
    assert reader.codes == [Close.TOO_SLOW]
    assert len(reader.frames) == 1


async def test_answers_that_nobody_reads_close_the_socket(user: UUID) -> None:
    async with worker(Speaker(saying("Hi"))) as runtime:
        reader = Reader(runtime.hub, user)
        for number in range(module.MAX_ANSWERS):
            reader.writer.say(Ack(f"c{number}"))
        assert reader.codes == []
        reader.writer.say(Ack("one more"))
        assert reader.codes == [Close.TOO_MANY]
        reader.writer.leave()
