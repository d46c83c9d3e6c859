"""What is cleaned up, of all applications: by `manage.py cleanup`, and by one worker once an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accounts.services import delete_expired_sessions, delete_unused_guests
from chat.services.cleanup import (
    delete_chats_of_nobody,
    remove_deleted_chats,
    remove_ended_workers,
    remove_expired_logs,
)

CHORES: Mapping[str, Callable[[], int]] = {
    "expired logs": remove_expired_logs,
    "chats of nobody": delete_chats_of_nobody,
    "rows of deleted chats": remove_deleted_chats,
    "ended workers": remove_ended_workers,
    # After the chats: whose last chat is gone may be gone too.
    "unused guests": lambda: delete_unused_guests(used="chat_memberships"),
    "expired sessions": delete_expired_sessions,
}
"""By what each removes. A call removes one batch and returns its size, 0 when nothing is left."""
