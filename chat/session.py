"""Who is asking: the session cookie of a socket or an API call, by Django's own rules."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from chat.protocol.objects import UserObject


def user_of_session(session_key: str) -> UserObject | None:
    """The signed-in, active user of a session, or None: also when it has expired or its password has changed."""
    # No key has a NUL, which Postgres does not even look for.
    if not session_key or "\0" in session_key:
        return None
    request = HttpRequest()
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    request.session = _Copy(store.items())  # type: ignore[assignment]  # all of one that `get_user` asks for
    user = get_user(request)
    if not user.is_authenticated or not user.is_active:
        return None
    return user_object(user)


class _Copy(dict[str, Any]):
    """What a session says, for `get_user` to change as it likes. One of an earlier `SECRET_KEY` would get a new key,
    which only the answer to a page can tell the browser: with the old one it would be signed out.
    """

    def cycle_key(self) -> None:
        """The next page does."""

    def flush(self) -> None:
        """The next page does."""


def user_object(user: Any) -> UserObject:
    """A person as the wire has them."""
    guest = bool(getattr(user, "is_guest", False))
    user_id: UUID = user.pk
    return UserObject(id=user_id, name="Guest" if guest else user.get_full_name() or user.get_username(), guest=guest)
