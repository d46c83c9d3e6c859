"""The runtime's life under servers that announce start and end, and under those that do not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chat.runtime import StartupRefused
from config import lifespan
from config.health import HealthMiddleware
from config.lifespan import Lifespan
from config.server import Lifespan as ServerSide
from tests import TIMEOUT


class Runtime:
    """Counts what is asked of it, and refuses when told to."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.calls: list[str] = []
        self.ready = True

    async def start(self) -> None:
        self.calls.append("start")
        if self.refusal:
            raise StartupRefused(self.refusal)

    async def shutdown(self, drain: float) -> None:
        self.calls.append(f"shutdown {drain}")


async def ok(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "ok"})


def replaced(monkeypatch: pytest.MonkeyPatch, refusal: str = "") -> Runtime:
    runtime = Runtime(refusal)
    monkeypatch.setattr(lifespan, "runtime", runtime)
    return runtime


async def sent_by(application: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What `application` sends in one scope whose client says nothing but connect."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with asyncio.timeout(TIMEOUT):
        await application(scope, receive, send)
    return sent


async def test_a_server_with_lifespan_starts_and_ends_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = replaced(monkeypatch)
    application = Lifespan(ok)
    server = ServerSide(application)
    assert await server.startup() == ""
    assert await sent_by(application, {"type": "http"}) == [{"type": "ok"}]
    await server.shutdown()
    assert runtime.calls == ["start", f"shutdown {lifespan.DRAIN}"]


async def test_a_refused_start_reaches_the_server_as_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "Another worker is there.")
    assert await ServerSide(Lifespan(ok)).startup() == "Another worker is there."


async def test_an_application_that_dies_at_the_start_is_not_waited_for() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(TIMEOUT):
            await ServerSide(broken).startup()


async def test_without_lifespan_the_first_connection_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = replaced(monkeypatch)
    application = Lifespan(ok)
    await sent_by(application, {"type": "websocket"})
    await sent_by(application, {"type": "http"})
    assert runtime.calls == ["start"]


async def test_without_lifespan_a_refused_start_is_said_to_every_client(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "Another worker is there.")
    application = Lifespan(ok)
    start, body = await sent_by(application, {"type": "http"})
    assert (start["status"], body["body"]) == (503, b"Another worker is there.")
    (close,) = await sent_by(application, {"type": "websocket"})
    assert close["type"] == "websocket.close"


def test_the_health_check_is_the_first_middleware() -> None:
    from django.conf import settings

    assert settings.MIDDLEWARE[0] == f"{HealthMiddleware.__module__}.{HealthMiddleware.__qualname__}"
