"""What moved is said after the commit, or not at all."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import transaction

from chat.services.announce import Move, announce
from tests.chats import announced

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_is_announced_before_the_commit() -> None:
    move = Move(chats={uuid4(): 1})
    with announced() as moves:
        with transaction.atomic():
            announce(move)
            assert moves == []
        assert moves == [move]


def test_what_is_rolled_back_is_never_announced() -> None:
    with announced() as moves:
        with transaction.atomic():
            announce(Move(chats={uuid4(): 1}))
            transaction.set_rollback(True)
        with transaction.atomic():
            announce(Move())
        assert moves == [Move()]
