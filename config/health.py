"""`/healthz` (the process answers) and `/readyz` (it takes work), for probes that come by address over plain HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse


class HealthMiddleware:
    """Answers the two paths itself, and stands first in line so that neither HTTPS nor the host check comes before.

    Under ASGI a worker is ready from the end of its start-up until it begins to drain. Under WSGI there is no such
    worker, and being ready means that the database answers.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if request.path_info not in ("/healthz", "/readyz"):
            return self.get_response(request)
        response = _answer(request)
        return _as_awaitable(response) if self.is_async else response


def _answer(request: HttpRequest) -> HttpResponse:
    if request.path_info == "/healthz":
        return _plain("ok", 200)
    ready = _worker_is_ready() if isinstance(request, ASGIRequest) else _database_answers()
    return _plain("ready", 200) if ready else _plain("not ready", 503)


def _plain(text: str, status: int) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Content-Length": str(len(text))}
    response = HttpResponse(text, status=status, content_type="text/plain", headers=headers)
    # Django logs each 503 as an error, and probes ask every second.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def _worker_is_ready() -> bool:
    from chat.runtime import runtime  # not at import: WSGI processes need none of it

    return runtime.ready


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return True


async def _as_awaitable(response: HttpResponse) -> HttpResponse:
    return response
