"""Guests at their first visit."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from pytest_django import Settings

from accounts.guests import DAY, admit_guests
from accounts.models import User
from accounts.services import create_guest

pytestmark = pytest.mark.django_db


@admit_guests
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


urlpatterns = [path("", page), path("accounts/", include("accounts.urls"))]


def visit(rf: RequestFactory, method: str = "get", address: str = "192.0.2.1") -> HttpResponse:
    request = getattr(rf, method)("/?chat=1", REMOTE_ADDR=address)
    request.user = AnonymousUser()
    request.session = SessionStore()
    return page(request)


def test_a_first_visit_makes_a_real_user_who_has_no_password(rf: RequestFactory) -> None:
    name = visit(rf).content.decode()
    guest = User.objects.get(username=name)
    assert guest.is_guest
    assert not guest.has_usable_password()
    assert guest.last_login is not None


@pytest.mark.urls(__name__)
def test_the_same_browser_stays_the_same_guest(client: Client) -> None:
    assert client.get("/").content == client.get("/").content
    assert User.objects.count() == 1


@pytest.mark.urls(__name__)
def test_who_comes_back_stays_signed_in_for_as_long_again(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/")
    # Not at every visit: that would be a write for each.
    assert settings.SESSION_COOKIE_NAME not in client.get("/").cookies
    expired = Session.objects.get().expire_date
    later = time.time() + DAY
    monkeypatch.setattr(time, "time", lambda: later)
    again = client.get("/")
    assert again.content == first.content
    assert again.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == settings.SESSION_COOKIE_AGE
    assert Session.objects.get().expire_date > expired


def test_a_head_request_makes_nobody(rf: RequestFactory) -> None:
    assert visit(rf, "head").status_code == 200
    assert not User.objects.exists()


def test_without_guests_the_page_leads_to_sign_in_and_back(rf: RequestFactory, settings: Settings) -> None:
    settings.GUESTS = False
    response = visit(rf)
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/%3Fchat%3D1")
    assert not User.objects.exists()


def test_one_address_makes_only_so_many_guests_an_hour(rf: RequestFactory, settings: Settings) -> None:
    settings.GUESTS_PER_HOUR = 2
    assert [visit(rf).status_code for _ in range(3)] == [200, 200, 429]
    assert visit(rf, address="192.0.2.2").status_code == 200
    assert User.objects.count() == 3


def test_the_refusal_says_when_to_come_back(rf: RequestFactory, settings: Settings) -> None:
    settings.GUESTS_PER_HOUR = 0
    response = visit(rf)
    assert "Sign in, or try again in" in response.content.decode()
    assert 0 < int(response["Retry-After"]) <= 3600


def test_two_guests_are_two_people() -> None:
    assert create_guest().username != create_guest().username
