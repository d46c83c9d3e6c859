from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app that owns `AUTH_USER_MODEL`."""

    name = "accounts"

    def ready(self) -> None:
        """Register the deployment checks: they are of `config`, which is no app."""
        from config import checks  # noqa: F401  # registered by being imported
