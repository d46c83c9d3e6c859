from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config.cleanup import CHORES


class Command(BaseCommand):
    """Removes what nobody will miss, which a worker does once an hour by itself. Safe at any time."""

    help = "Remove guests without a chat who are a week old, expired sessions, old logs, chats and workers."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {what: sum(iter(chore, 0)) for what, chore in CHORES.items()}
        self.stdout.write("Removed " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
