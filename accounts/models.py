"""The project's own user, there from the first migration so that it can grow without a swap."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Someone who chats: a person with an account, or a guest who has not made one."""

    # The id goes over the wire, where a counter would tell strangers how many people there are.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_guest = models.BooleanField(
        "guest",
        default=False,
        help_text="Made at a first visit, with no password. Removed by the cleanup command while it has no chat.",
    )
