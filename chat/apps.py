"""The Django application."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect signals, which needs the user model."""
        from chat.services.sessions import connect

        connect()
