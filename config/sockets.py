"""What is said to those who ask for a socket where there is none, or in a way that cannot give one."""

from __future__ import annotations

from collections.abc import Sequence

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from config.origin import refuse


class KnownPaths:
    """Refuses sockets at paths that `patterns` do not name; Channels' router would raise for each."""

    def __init__(self, patterns: Sequence[URLPattern], application: ASGI3Application) -> None:
        self.patterns = patterns
        self.application = application

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "websocket"  # noqa: S101  # said by the router
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        if any(pattern.pattern.match(path) for pattern in self.patterns):
            await self.application(scope, receive, send)
        else:
            await refuse(receive, send)


def not_a_socket(request: HttpRequest) -> HttpResponse:
    """Answers plain HTTP at the socket's address: which header is missing, or which server."""
    if isinstance(request, ASGIRequest):
        return HttpResponse(
            "This address speaks WebSocket only.",
            status=426,
            content_type="text/plain",
            headers={"Upgrade": "websocket", "Connection": "Upgrade"},
        )
    return HttpResponse(
        "This server speaks WSGI, which has no sockets. Start the project with `manage.py serve`, or run "
        "config.asgi:application under any ASGI server.",
        status=503,
        content_type="text/plain",
    )
