"""Who a session belongs to, as sockets and the API ask."""

from __future__ import annotations

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from chat.session import user_of_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password="secret")


@pytest.fixture
def key(ada: User, client: Client) -> str:
    """Of a session in which she is signed in."""
    client.force_login(ada)
    key = client.session.session_key
    assert key is not None
    return key


def test_a_session_says_who_is_signed_in(ada: User, key: str) -> None:
    user = user_of_session(key)
    assert user is not None
    assert (user.id, user.name) == (ada.pk, "ada")


@pytest.mark.parametrize("key", ["", "short", "unknown-to-the-store", "\0aaaaaaaa"])
def test_what_is_no_key_is_nobodys(key: str) -> None:
    assert user_of_session(key) is None


def test_another_password_ends_a_session(ada: User, key: str) -> None:
    ada.set_password("another")
    ada.save()
    assert user_of_session(key) is None


def test_a_new_secret_key_signs_nobody_out_as_long_as_the_old_one_is_a_fallback(
    ada: User, key: str, client: Client, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 60
    for _ in range(2):
        user = user_of_session(key)
        assert user is not None
        assert user.id == ada.pk
    # The next page gives the browser a key of its own.
    assert client.get("/").wsgi_request.user == ada
    assert client.session.session_key != key
    assert client.session[HASH_SESSION_KEY] == ada.get_session_auth_hash()
    assert user_of_session(key) is None
    assert Session.objects.count() == 1
