"""Streams wait while somebody waits for an answer, and never for long. Time jumps: nothing here takes any."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from asgiref.typing import ASGIReceiveCallable

from chat import hub as hub_module
from chat.consumers import socket as socket_module
from chat.consumers.socket import ChatSocket
from chat.hub import Hub
from chat.precedence import HOLD, LINGER, Precedence
from chat.protocol.commands import ChatClose
from chat.protocol.frames import Ack, Frame
from chat.protocol.objects import UserObject
from config import asgi
from tests import TIMEOUT
from tests.logs import MemoryLog
from tests.simulation.loop import Loop

SOON = HOLD / 4
A_MILLISECOND = 0.001


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop(random.Random(1))  # noqa: S311  # nothing secret
    yield loop
    loop.end()


async def answer(precedence: Precedence, seconds: float) -> None:
    with precedence.asking():
        await asyncio.sleep(seconds)


async def waited(precedence: Precedence) -> float:
    """Seconds that a stream waits whose turn it would be after a millisecond."""
    await asyncio.sleep(A_MILLISECOND)
    began = asyncio.get_running_loop().time()
    await precedence.give_way()
    return asyncio.get_running_loop().time() - began


async def together(*coroutines: Coroutine[Any, Any, Any]) -> Any:
    """What the last one returns."""
    return (await asyncio.gather(*coroutines))[-1]


def test_where_nobody_asks_it_is_a_streams_turn_at_once(loop: Loop) -> None:
    assert loop.run_until_complete(waited(Precedence())) == 0


def test_a_stream_waits_until_the_answer_is_there_and_sent(loop: Loop) -> None:
    precedence = Precedence()
    took = loop.run_until_complete(together(answer(precedence, SOON), waited(precedence)))
    assert took == pytest.approx(SOON + LINGER - A_MILLISECOND)


def test_what_is_asked_right_after_an_answer_goes_first_too(loop: Loop) -> None:
    precedence = Precedence()

    async def twice() -> None:
        await answer(precedence, SOON)
        await asyncio.sleep(LINGER / 2)
        await answer(precedence, SOON)

    took = loop.run_until_complete(together(twice(), waited(precedence)))
    assert took == pytest.approx(SOON + LINGER / 2 + SOON + LINGER - A_MILLISECOND)


def test_of_several_who_ask_all_go_first(loop: Loop) -> None:
    precedence = Precedence()
    took = loop.run_until_complete(together(answer(precedence, SOON), answer(precedence, 2 * SOON), waited(precedence)))
    assert took == pytest.approx(2 * SOON + LINGER - A_MILLISECOND)


def test_a_slow_answer_is_waited_for_no_longer_than_anyone_sees(loop: Loop) -> None:
    precedence = Precedence()
    slow = loop.create_task(answer(precedence, 60.0))
    assert loop.run_until_complete(waited(precedence)) == pytest.approx(HOLD - A_MILLISECOND)
    # Nor by those who come for a quick one meanwhile.
    loop.run_until_complete(asyncio.sleep(1.0))
    took = loop.run_until_complete(together(answer(precedence, SOON), waited(precedence)))
    assert took == pytest.approx(SOON + LINGER - A_MILLISECOND)
    assert not slow.done()


def test_an_answer_that_fails_is_an_answer(loop: Loop) -> None:
    precedence = Precedence()

    async def failing() -> None:
        with contextlib.suppress(RuntimeError), precedence.asking():
            await asyncio.sleep(SOON)
            raise RuntimeError

    assert loop.run_until_complete(together(failing(), waited(precedence))) == pytest.approx(
        SOON + LINGER - A_MILLISECOND
    )


@pytest.mark.parametrize("longest", [A_MILLISECOND, SOON, 3 * HOLD])
def test_however_much_is_asked_streams_have_half_of_the_time(loop: Loop, longest: float) -> None:
    precedence, chance, seconds = Precedence(), random.Random(2), 10.0  # noqa: S311  # nothing secret

    async def asks() -> None:
        while True:
            await answer(precedence, chance.uniform(0, longest))

    async def share() -> float:
        asking = [asyncio.create_task(asks()) for _ in range(3)]
        clock, total = asyncio.get_running_loop().time, 0.0
        end = clock() + seconds
        while clock() < end:
            began = clock()
            await precedence.give_way()
            total += clock() - began
            await asyncio.sleep(A_MILLISECOND / 10)
        for task in asking:
            task.cancel()
        return total / seconds

    # And not much less, or it would be no precedence.
    assert 0.4 < loop.run_until_complete(share()) <= 0.5 + HOLD / seconds


# --- Who asks ---------------------------------------------------------------------------------------------------------


async def _streams_wait(precedence: Precedence) -> bool:
    stream = asyncio.create_task(precedence.give_way())
    await asyncio.sleep(0)
    waits = not stream.done()
    stream.cancel()
    return waits


async def test_a_request_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    precedence, saw = Precedence(), []

    async def django(*_: object) -> None:
        saw.append(await _streams_wait(precedence))

    monkeypatch.setattr(asgi, "django", django)
    monkeypatch.setattr(asgi, "runtime", SimpleNamespace(precedence=precedence))
    await asgi.pages({}, cast(ASGIReceiveCallable, None), None)
    assert saw == [True]


async def test_a_command_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    precedence, saw, said = Precedence(), [], asyncio.Event()

    class Carrier:
        def __init__(self, *_: object) -> None: ...

        async def carry_out(self, command: ChatClose) -> tuple[Ack, None]:
            saw.append(await _streams_wait(precedence))
            return Ack(id=command.id), None

    def say(frame: Frame) -> None:
        said.set()

    limits = SimpleNamespace(spend=lambda user: None)
    monkeypatch.setattr(socket_module, "runtime", SimpleNamespace(precedence=precedence, limits=limits))
    monkeypatch.setattr(socket_module, "Commands", Carrier)
    socket = ChatSocket()
    socket.user = UserObject(uuid4(), "somebody", guest=False)
    socket.writer = cast(Any, SimpleNamespace(say=say))
    socket._commands = asyncio.Queue()
    socket._commands.put_nowait(ChatClose(id="c1", chat=uuid4()))
    working = asyncio.create_task(socket._work())
    async with asyncio.timeout(TIMEOUT):
        await said.wait()
    working.cancel()
    assert saw == [True]


async def test_who_opens_a_chat_goes_first_until_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    precedence, saw = Precedence(), []

    async def read(*_: object) -> None:
        saw.append(await _streams_wait(precedence))

    monkeypatch.setattr(hub_module, "in_database", read)
    assert await Hub(MemoryLog(), precedence).snapshot(uuid4()) is None
    assert saw == [True]
