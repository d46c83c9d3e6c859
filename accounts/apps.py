from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app that owns `AUTH_USER_MODEL`."""

    name = "accounts"
