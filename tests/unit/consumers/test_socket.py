"""The socket between the writer and the server."""

from __future__ import annotations

from typing import Any

import pytest
from autobahn.exception import Disconnected
from uvicorn.protocols.utils import ClientDisconnected

from chat.consumers.socket import ChatSocket


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
