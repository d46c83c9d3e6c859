"""The HTTP side's map. `/healthz` and `/readyz` are answered before it, by `config.health`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from chat.api import api
from config.sockets import not_a_socket

urlpatterns = [
    path("", include("chat.web.urls")),
    path("ws/", not_a_socket),
    path("api/", api.urls),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
