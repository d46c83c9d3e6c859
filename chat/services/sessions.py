"""Tells sockets when somebody's sessions may have ended: signed out, another password, deactivated, deleted.

By Django's own signals, so that it holds for the page, the admin and the shell alike. What the sockets then do is look.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save

from chat.services.announce import Move, announce


def connect() -> None:
    """Listen; called once, when the applications are loaded."""
    user_logged_out.connect(_moved, dispatch_uid="chat.sessions")
    for signal in (post_save, post_delete):
        signal.connect(_saved, sender=get_user_model(), dispatch_uid="chat.sessions")


def _moved(sender: Any, *, user: Any, **_: Any) -> None:
    if user is not None:
        announce(Move(sessions=(user.pk,)))


def _saved(sender: Any, *, instance: Any, created: bool = False, **_: Any) -> None:
    if not created:
        announce(Move(sessions=(instance.pk,)))
