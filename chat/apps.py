"""The Django application."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect signals, which needs the models."""
        from chat.notes import tell_apart
        from chat.services.announce import moved
        from chat.services.sessions import connect

        connect()
        # Until a runtime takes over: most processes are no workers.
        moved.connect(tell_apart, dispatch_uid="chat.notes")
