"""The socket between the writer and the server, and what it asks of sessions."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast
from uuid import uuid4

import pytest
from asgiref.typing import Scope
from autobahn.exception import Disconnected
from channels.testing import WebsocketCommunicator
from django.db import DataError
from uvicorn.protocols.utils import ClientDisconnected

from chat.consumers import socket as module
from chat.consumers.socket import ChatSocket
from chat.protocol.codes import Close
from chat.protocol.objects import UserObject
from tests import TIMEOUT


@pytest.mark.parametrize("gone", [Disconnected, ClientDisconnected])
async def test_a_client_that_went_away_while_it_was_answered_is_no_error(gone: type[Exception]) -> None:
    """Both servers say so to whoever sends before it has been told of the disconnect."""
    sent = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        raise gone

    socket = ChatSocket()
    socket.base_send = send
    socket._closed = False  # as after the handshake
    await socket._send_text("{}")  # what the writer is given
    assert sent == [{"type": "websocket.send", "text": "{}"}]


async def test_whose_session_cannot_be_read_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(key: str) -> UserObject | None:
        raise DataError("what the store cannot read")

    monkeypatch.setattr(module, "user_of_session", fail)
    socket = WebsocketCommunicator(ChatSocket.as_asgi(), "/ws/")
    assert await socket.connect(timeout=TIMEOUT) == (True, None)
    assert await socket.receive_output(TIMEOUT) == {"type": "websocket.close", "code": Close.GOING_AWAY}
    assert [(record.message, record.levelno) for record in caplog.records] == [
        ("a socket could not ask the database", logging.ERROR)
    ]
    await socket.disconnect()


async def test_a_session_that_could_not_be_read_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def fail_twice(key: str) -> UserObject | None:
        looks.append(key)
        if len(looks) <= 2:
            raise DataError("what the store cannot read")
        return None

    monkeypatch.setattr(module, "user_of_session", fail_twice)
    monkeypatch.setattr(module, "SESSION_CHECK", 0.001)
    closed = asyncio.get_running_loop().create_future()
    socket = ChatSocket()
    socket.scope = cast(Scope, {"cookies": {}})
    socket.user = UserObject(uuid4(), "somebody", guest=False)
    socket._session_moved = asyncio.Event()
    monkeypatch.setattr(socket, "close", closed.set_result)
    watching = asyncio.create_task(socket._watch_session())
    async with asyncio.timeout(TIMEOUT):
        assert await closed == Close.SIGNED_OUT
    watching.cancel()
