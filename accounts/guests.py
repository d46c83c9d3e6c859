"""Letting people in without a sign-up: the first visit makes a guest, the cookie brings the same one back."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from accounts.services import create_guest
from config.client import address_of, network_of

P = ParamSpec("P")

logger = logging.getLogger(__name__)

HOUR = 3600
DAY = 24 * HOUR


def admit_guests(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that always has a user: whoever comes without one is made a guest, or sent to sign in.

    With `GUESTS` off the answer is a redirect to the sign-in page, which leads back. A client that makes more than
    `GUESTS_PER_HOUR` guests gets a 429 with a sentence. Only a GET makes a guest: programs that look whether the page
    is there do so by HEAD, and get an empty answer. `view` is a plain function, not a coroutine.
    """

    @functools.wraps(view)
    def admit(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            if not settings.GUESTS:
                return redirect_to_login(request.get_full_path())
            if request.method == "HEAD":
                return HttpResponse()
            if not _may_make_another(address_of(request)):
                return _too_many()
            login(request, create_guest(), backend="django.contrib.auth.backends.ModelBackend")
        _renew(request)
        return view(request, *args, **kwargs)

    return admit


def _renew(request: HttpRequest) -> None:
    """Once a day, let the session and its cookie last for `SESSION_COOKIE_AGE` from now. Django counts from the last
    change of a session, and nothing else changes one after the sign-in.
    """
    today = int(time.time()) // DAY
    if request.session.get("day") != today:
        request.session["day"] = today


def _may_make_another(address: str) -> bool:
    """Count one more guest for `address` in this clock hour; whether that is still within the limit.

    The count is in the cache: with Redis it holds for all workers, without, for the only one. While Redis does not
    answer nobody is counted, since people matter more than the limit.
    """
    key = f"guests:{int(time.time()) // HOUR}:{network_of(address)}"
    try:
        cache.add(key, 0, timeout=HOUR)
        return bool(cache.incr(key) <= settings.GUESTS_PER_HOUR)
    except ValueError:
        # It expired between the two calls: a new hour has begun.
        return True
    except (RedisError, OSError) as problem:
        logger.warning("guests are not counted: the cache does not answer (%s)", problem)
        return True


def _too_many() -> HttpResponse:
    wait = HOUR - int(time.time()) % HOUR
    return HttpResponse(
        "Too many guests have come from your network in the last hour. Sign in, or try again in "
        f"{-(-wait // 60)} minutes.",
        status=429,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": str(wait)},
    )
