"""The page. Everything on it comes later, by the socket and the API."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.guests import admit_guests
from chat.web.modules import ENTRY, import_map, preloads
from config import catalogues


@require_safe
@never_cache
@ensure_csrf_cookie
@admit_guests
def page(request: HttpRequest) -> HttpResponse:
    """The one page, for whoever is signed in or a guest.

    `request.csp_nonce`, where a middleware sets it, marks the one inline script: the import map.
    """
    return render(
        request,
        "chat/page.html",
        {
            "config": _config(request),
            "catalogue": {key: said for key, said in catalogues.read(get_language() or "", "djangojs").items() if key},
            "import_map": json.dumps(import_map()),
            "preloads": preloads(),
            "entry": ENTRY,
            "nonce": getattr(request, "csp_nonce", ""),
        },
    )


def _config(request: HttpRequest) -> dict[str, object]:
    """What the page has to know before it can ask."""
    user = request.user
    return {
        "languages": [{"code": code, "name": name} for code, name in settings.LANGUAGES],
        "user": {"id": str(user.pk), "name": user.get_username(), "guest": bool(getattr(user, "is_guest", False))},
        "urls": {
            "api": "/api/",
            "socket": "/ws/",
            "signIn": resolve_url(settings.LOGIN_URL),
            "signOut": reverse("accounts:logout"),
        },
    }
