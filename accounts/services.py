"""All writes to users."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils import timezone

from accounts.models import User

UNUSED_GUEST_AGE = timedelta(days=7)
"""How long a guest who has no chat is kept."""


def create_guest() -> User:
    """A new guest: a real row with a name nobody has and a password nobody can enter."""
    # 64 bits: two guests out of a million share a name with a chance of one in 37 million.
    guest = User(username=f"guest-{secrets.token_hex(8)}", is_guest=True)
    guest.set_unusable_password()
    guest.save(force_insert=True)
    return guest


def delete_unused_guests(*, used: str) -> int:
    """Remove guests older than `UNUSED_GUEST_AGE` for whom the relation named `used` is empty.

    `used` is the reverse name under which another app's rows point at users, so that this app needs to import none.
    Returns how many guests were removed. Their sessions become void with them.
    """
    guests = User.objects.filter(
        is_guest=True, date_joined__lt=timezone.now() - UNUSED_GUEST_AGE, **{f"{used}__isnull": True}
    )
    return guests.delete()[1].get(User._meta.label, 0)
