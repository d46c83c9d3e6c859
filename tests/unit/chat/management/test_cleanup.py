"""`manage.py cleanup`."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from accounts.services import create_guest
from chat.services.chats import create_chat

pytestmark = pytest.mark.django_db


def aged(user: User, **age: float) -> User:
    """`user`, as if made that long ago."""
    User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - timedelta(**age))
    return user


def cleanup() -> str:
    output = io.StringIO()
    call_command("cleanup", stdout=output)
    return output.getvalue()


def test_a_guest_who_never_chatted_goes_after_a_week() -> None:
    aged(create_guest(), days=7, minutes=1)
    recent = aged(create_guest(), days=6, hours=23)
    assert "1 unused guests" in cleanup()
    assert list(User.objects.all()) == [recent]


def test_a_guest_with_a_chat_stays() -> None:
    guest = aged(create_guest(), days=30)
    create_chat(user_id=guest.pk, client_id="one", agent="assistant")
    assert "0 unused guests" in cleanup()
    assert list(User.objects.all()) == [guest]


def test_a_person_with_an_account_stays() -> None:
    person = aged(User.objects.create_user("ada"), days=300)
    cleanup()
    assert list(User.objects.all()) == [person]


def test_expired_sessions_go_and_others_stay() -> None:
    expired, current = SessionStore(), SessionStore()
    expired.set_expiry(-1)
    expired.save()
    current.save()
    cleanup()
    assert [session.session_key for session in Session.objects.all()] == [current.session_key]


def test_more_than_a_batch_goes_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.BATCH", 2)
    for _ in range(5):
        aged(create_guest(), days=8)
    assert "5 unused guests" in cleanup()


def test_it_may_run_again() -> None:
    aged(create_guest(), days=8)
    cleanup()
    assert "0 unused guests" in cleanup()
