"""The HTTP side's map. `/healthz` and `/readyz` are answered before it, by `config.health`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
