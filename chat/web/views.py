"""The page. Everything on it comes later, by the socket and the API."""

from __future__ import annotations

import json

from csp.decorators import csp, csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.guests import admit_guests
from chat.web.icons import symbols
from chat.web.modules import ENTRY, import_map, preloads
from config import catalogues
from config.security import DIAGRAM, PAGE


@require_safe
@never_cache
@csp_replace(PAGE)
@ensure_csrf_cookie
@admit_guests
def page(request: HttpRequest) -> HttpResponse:
    """The one page, for whoever is signed in or a guest.

    `request.csp_nonce` marks the one inline script, the import map.
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
            "icons": symbols(),
        },
    )


@require_safe
@xframe_options_exempt  # the policy says who may frame it
@csp(DIAGRAM)
def diagram(request: HttpRequest) -> HttpResponse:
    """The page inside a diagram's frame. It is nobody's: it asks for no session and gets no cookie."""
    return render(request, "chat/diagram.html")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon, such as the admin's."""
    return redirect(static("chat/icon.svg"))


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
            "formulas": static("vendor/katex/katex.css"),
            "diagrams": reverse("diagram"),
        },
    }
