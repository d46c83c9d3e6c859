from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from accounts.services import delete_unused_guests
from chat.services import cleanup


class Command(BaseCommand):
    """Removes what nobody will miss. Meant to run once a day, and safe at any time."""

    help = "Remove guests without a chat who are a week old, expired sessions, old logs, chats and workers."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {
            "expired logs": cleanup.remove_expired_logs(),
            "deleted chats": cleanup.remove_deleted_chats(),
            "ended workers": cleanup.remove_ended_workers(),
            # After the chats: whose last chat is gone may be gone too.
            "unused guests": delete_unused_guests(used="chat_memberships"),
        }
        call_command("clearsessions")
        self.stdout.write("Removed " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
