"""All writes to users."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User

UNUSED_GUEST_AGE = timedelta(days=7)
"""How long a guest who has no chat is kept."""
BATCH = 500
"""Rows that one call removes at most."""


def create_guest() -> User:
    """A new guest: a real row with a name nobody has and a password nobody can enter."""
    # 64 bits: two guests out of a million share a name with a chance of one in 37 million.
    guest = User(username=f"guest-{secrets.token_hex(8)}", is_guest=True)
    guest.set_unusable_password()
    guest.save(force_insert=True)
    return guest


def delete_unused_guests(*, used: str) -> int:
    """Remove a batch of guests older than `UNUSED_GUEST_AGE` for whom the relation named `used` is empty.

    `used` is the reverse name under which another app's rows point at users, so that this app needs to import none.
    Returns how many guests were removed, 0 when none is left. Their sessions become void with them.
    """
    old = User.objects.filter(is_guest=True, date_joined__lt=timezone.now() - UNUSED_GUEST_AGE)
    unused = old.filter(**{f"{used}__isnull": True}).values_list("pk", flat=True)
    # Asked again where they are deleted: one of them may have begun to chat.
    guests = old.filter(pk__in=list(unused[:BATCH]), **{f"{used}__isnull": True})
    return guests.delete()[1].get(User._meta.label, 0)


def delete_expired_sessions() -> int:
    """Remove a batch of sessions that have expired; returns how many, 0 when none is left."""
    expired = Session.objects.filter(expire_date__lt=timezone.now()).values_list("pk", flat=True)
    return Session.objects.filter(pk__in=list(expired[:BATCH])).delete()[0]
