"""Who calls the API: the session cookie, with Django's CSRF check on what changes something."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie
from ninja.utils import check_csrf

from chat.database import in_database
from chat.protocol.codes import NotAllowed
from chat.protocol.objects import UserObject
from chat.runtime import runtime
from chat.session import user_of_session

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing, and so do not count as commands."""


class SessionCookie(APIKeyCookie):
    """Resolves the session in the bounded pool, as sockets do; `request.auth` is then the `UserObject`."""

    param_name = settings.SESSION_COOKIE_NAME
    is_async = True

    async def __call__(self, request: HttpRequest) -> UserObject | None:
        if check_csrf(request):
            raise NotAllowed("The CSRF check failed. Send the value of the csrftoken cookie in the X-CSRFToken header.")
        user = await self.authenticate(request, request.COOKIES.get(self.param_name))
        if user is not None and request.method not in SAFE:
            runtime.limits.spend(user.id)
        return user

    async def authenticate(self, request: HttpRequest, key: str | None) -> UserObject | None:
        return await in_database(user_of_session, key or "")
