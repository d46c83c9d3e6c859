"""Sign-in and sign-out."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import create_guest

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ada", password="correct horse")


def test_signing_in_leads_to_the_page(client: Client, person: User) -> None:
    response = client.post(LOGIN, {"username": "ada", "password": "correct horse"})
    assert (response.status_code, response["Location"]) == (302, "/")


def test_signing_in_leads_back_to_where_one_came_from_but_not_to_another_site(client: Client, person: User) -> None:
    credentials = {"username": "ada", "password": "correct horse"}
    assert client.post(LOGIN, {**credentials, "next": "/admin/"})["Location"] == "/admin/"
    assert client.post(LOGIN, {**credentials, "next": "https://evil.example/"})["Location"] == "/"


def test_a_wrong_password_is_said_on_the_page(client: Client, person: User) -> None:
    response = client.post(LOGIN, {"username": "ada", "password": "wrong"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()


def test_the_page_has_no_inline_script_or_style_and_labels_every_field(client: Client) -> None:
    page = client.get(LOGIN).content.decode()
    assert "<script" not in page
    assert "style=" not in page
    assert "<style" not in page
    fields = re.findall(r'<input type="(?:text|password)"[^>]* id="([^"]+)"', page)
    assert fields
    for field in fields:
        assert f'<label for="{field}"' in page


def test_the_page_offers_guests_only_where_there_are_any(client: Client, settings: Settings) -> None:
    assert "as a guest" in client.get(LOGIN).content.decode()
    settings.GUESTS = False
    assert "as a guest" not in client.get(LOGIN).content.decode()


def test_a_guest_can_sign_in_and_a_person_can_sign_out(client: Client, person: User) -> None:
    client.force_login(create_guest())
    assert 'name="password"' in client.get(LOGIN).content.decode()
    client.force_login(person)
    assert "Sign out" in client.get(LOGIN).content.decode()


def test_signing_out_takes_a_post(client: Client, person: User) -> None:
    client.force_login(person)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert "_auth_user_id" not in client.session


def test_the_admin_tells_guests_apart(admin_client: Client, admin_user: User) -> None:
    guest = create_guest()
    page = admin_client.get("/admin/accounts/user/?is_guest__exact=1").content.decode()
    assert guest.username in page
    assert f"/{admin_user.pk}/change/" not in page
    assert admin_client.get(f"/admin/accounts/user/{guest.pk}/change/").status_code == 200
