"""Someone who calls the HTTP API inside the test's own process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.test import AsyncClient

from accounts.models import User
from chat.database import in_database


@dataclass(frozen=True)
class Reply:
    """What the API answered."""

    status: int
    body: Any
    """From JSON; None without any."""
    headers: Any

    @property
    def code(self) -> str:
        """Of a refusal, which also says something to people."""
        assert set(self.body) <= {"code", "message", "retry_after"}, self.body
        assert self.body["message"].endswith(".")
        return str(self.body["code"])


class Caller:
    """A browser with a session, or without one before `sign_in`."""

    def __init__(self, *, csrf: bool = False) -> None:
        """`csrf`: let Django check tokens, as it does outside tests."""
        self.client = AsyncClient(enforce_csrf_checks=csrf)

    async def sign_in(self, user: UUID) -> Caller:
        """Begin a session."""
        await self.client.aforce_login(await in_database(User.objects.get, id=user))
        return self

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Call `path` below `/api/`; `body` is sent as JSON, bytes as they are."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = await self.client.generic(
            method, f"/api/{path}", data, content_type="application/json", headers=dict(headers)
        )
        assert "no-store" in answer.headers.get("Cache-Control", "no-store")
        return Reply(answer.status_code, json.loads(answer.content) if answer.content else None, answer.headers)
