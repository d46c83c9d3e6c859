"""The HTTP side's map. `/healthz` and `/readyz` are answered before it, by `config.health`."""

from __future__ import annotations

from pathlib import Path

from django.contrib import admin
from django.urls import include, path

from config.sockets import not_a_socket

urlpatterns = [
    path("ws/", not_a_socket),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
_chat = Path(__file__).resolve().parent.parent / "chat"
if (_chat / "api" / "__init__.py").exists():
    from chat.api import api

    urlpatterns.append(path("api/", api.urls))
if (_chat / "web" / "urls.py").exists():
    urlpatterns.append(path("", include("chat.web.urls")))
