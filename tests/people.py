"""Signed-in people for tests of a real server: their rows go straight into its database, which takes a millisecond
where the sign-in page takes a hundred.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, Literal, Protocol
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.utils import timezone
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests import TIMEOUT
from tests.http import Answer, fetch
from tests.server import ServerProcess

CSRF = "c" * 32
"""What a browser would have from the csrftoken cookie."""


class Connection(Protocol):
    """What tests need of a socket; those of `websockets` are such."""

    transport: Any
    """Has `abort`, which ends it as a lost network does."""

    async def send(self, message: str | bytes, *, text: bool | None = None) -> None: ...
    async def recv(self, decode: Literal[False]) -> bytes: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who is signed in at a server."""

    server: ServerProcess
    id: str
    session: str

    @property
    def cookie(self) -> str:
        """What the browser of this person sends."""
        return f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={CSRF}"

    @property
    def headers(self) -> dict[str, str]:
        """What the page of this person sends with a request."""
        return {"Cookie": self.cookie, "X-CSRFToken": CSRF, "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Call the API at `path` (below `/api/`), with `body` as JSON."""
        data = b"" if body is None else json.dumps(body).encode()
        return fetch(f"{self.server.url}api/{path}", method=method, headers=self.headers, body=data)

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """The same without holding up the loop; raises `AssertionError` for a refusal, returns the body's JSON."""
        answer = await asyncio.to_thread(self.call, method, path, body)
        assert answer.status < 400, f"{method} {path}: {answer.status} {answer.text}"
        return json.loads(answer.body) if answer.body else None

    async def connect(self) -> Connection:
        """Open a socket, as the page of this person does."""
        return await connect(
            self.server.ws_url,
            origin=Origin(self.server.origin),
            additional_headers={"Cookie": self.cookie},
            compression=None,
            proxy=None,
            max_size=None,
            max_queue=4,  # frames; a reader that stops stops the connection soon
            ping_interval=None,
            open_timeout=TIMEOUT,
            close_timeout=TIMEOUT,
        )

    async def new_chat(self, title: str = "A chat") -> str:
        """A new chat of this person; returns its id."""
        chat = await self.api("POST", "chats", {"client_id": uuid4().hex, "title": title})
        return str(chat["id"])

    def sign_out(self) -> Answer:
        """Sign out on the page."""
        return fetch(f"{self.server.url}accounts/logout/", method="POST", headers=self.headers)


def script(**fields: Any) -> str:
    """The message that commands the scripted agent: see `chat.agents.scripted`."""
    return f"/script {json.dumps(fields)}"


def new_person(server: ServerProcess) -> Person:
    """Someone new, with a session of their own."""
    user = get_user_model()(username=f"person-{uuid4().hex}")
    user.set_unusable_password()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    signed_in = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    session = Session(
        session_key=uuid4().hex,
        session_data=store().encode(signed_in),
        expire_date=timezone.now() + timedelta(days=1),
    )
    for row in (user, session):
        _insert(server, row)
    return Person(server, str(user.pk), session.session_key)


def _insert(server: ServerProcess, row: Model) -> None:
    values: Mapping[str, Any] = {
        field.column: field.get_db_prep_save(field.pre_save(row, add=True), server.dialect)
        for field in row._meta.concrete_fields
        if field.column
    }
    marks = ", ".join(["%s"] * len(values))
    server.execute(
        f"INSERT INTO {row._meta.db_table} ({', '.join(values)}) VALUES ({marks})",  # noqa: S608  # names of Django's own
        *values.values(),
    )
