"""The security headers of every kind of answer, under WSGI and under ASGI."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client
from pytest_django import Settings

EXPECTED = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PATHS = ["/", "/accounts/login/", "/api/me", "/api/docs", "/admin/login/", "/nowhere", "/diagram"]


def directives(policy: str) -> dict[str, list[str]]:
    """A policy as its directives."""
    return {name: rest for name, *rest in (directive.split() for directive in policy.split(";"))}


def is_strict(policy: dict[str, list[str]]) -> bool:
    """Whether nothing inline runs, and nothing comes from or goes elsewhere."""
    sources = [source for rest in policy.values() for source in rest]
    return (
        policy["default-src"] == ["'none'"]
        and policy["base-uri"] == ["'none'"]
        and "'unsafe-inline'" not in policy["script-src"]
        and "'unsafe-eval'" not in sources
        and not any("*" in source or source.startswith(("http", "ws", "blob")) for source in sources)
    )


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers_under_wsgi(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED
    assert is_strict(directives(headers["Content-Security-Policy"]))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_the_headers_under_asgi(async_client: AsyncClient, path: str) -> None:
    headers = (await async_client.get(path)).headers
    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED
    assert is_strict(directives(headers["Content-Security-Policy"]))


def test_a_file_has_them_too(client: Client) -> None:
    headers = client.get("/static/accounts/login.css").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.django_db
def test_the_page_runs_only_what_has_this_answers_nonce_and_frames_nothing_but_diagrams(client: Client) -> None:
    policy = directives(client.get("/")["Content-Security-Policy"])
    nonce, dynamic = policy["script-src"]
    assert nonce.startswith("'nonce-")
    assert dynamic == "'strict-dynamic'"
    assert policy["style-src"] == ["'self'"]
    assert policy["style-src-attr"] == ["'unsafe-inline'"], "what KaTeX needs, and no more"
    assert policy["connect-src"] == ["'self'"]
    assert policy["img-src"] == ["'self'"]
    assert policy["object-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]


def test_a_diagrams_page_is_nobodys_and_may_neither_load_nor_send(client: Client) -> None:
    response = client.get("/diagram")
    policy = directives(response["Content-Security-Policy"])
    assert policy["sandbox"] == ["allow-scripts"]
    assert "connect-src" not in policy
    assert "img-src" not in policy
    assert policy["frame-ancestors"] == ["'self'"]
    assert not response.cookies
    assert "X-Frame-Options" not in response


@pytest.mark.django_db
def test_an_error_of_ours_has_them_too(client: Client, settings: Settings) -> None:
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    client.raise_request_exception = False
    client.force_login(get_user_model().objects.create_user("ada"))
    response = client.get("/c/" + "0" * 4000 + "/")
    assert response.status_code == 404
    assert "Content-Security-Policy" in response
