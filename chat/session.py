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
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not user.is_authenticated or not user.is_active:
        return None
    return user_object(user)


def user_object(user: Any) -> UserObject:
    """A person as the wire has them."""
    guest = bool(getattr(user, "is_guest", False))
    user_id: UUID = user.pk
    return UserObject(id=user_id, name="Guest" if guest else user.get_full_name() or user.get_username(), guest=guest)
