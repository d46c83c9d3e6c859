"""The page as the server renders it: for whom, with what in it, and which files its modules come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from chat.web import modules
from chat.web.icons import ICONS, symbols

STATIC = modules.STATIC / "chat"


def embedded(html: str, kind: str) -> Any:
    """The JSON in the page's script of one type."""
    found = re.search(rf'<script[^>]*type="{kind}"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found.group(1))


@pytest.mark.django_db
def test_a_visitor_becomes_a_guest_and_the_page_says_who_that_is(client: Client) -> None:
    response = client.get("/")
    config = embedded(response.content.decode(), "application/json")
    user = get_user_model().objects.get()
    assert config["user"] == {"id": str(user.pk), "name": user.get_username(), "guest": True}
    assert "csrftoken" in response.cookies
    assert "no-store" in response["Cache-Control"]
    assert client.get("/").wsgi_request.user == user


@pytest.mark.django_db
def test_a_person_with_an_account_is_no_guest(client: Client) -> None:
    client.force_login(get_user_model().objects.create_user("</script><b>ada"))
    html = client.get("/").content.decode()
    assert embedded(html, "application/json")["user"]["name"] == "</script><b>ada"
    assert "<b>ada" not in html


@pytest.mark.django_db
def test_every_address_of_chats_is_the_same_page(client: Client) -> None:
    for path in (f"/c/{uuid4()}", f"/c/{uuid4()}+{uuid4()}+{uuid4()}"):
        assert client.get(path).status_code == 200
    for path in ("/c/", "/c/x y", "/c/../admin", "/chat"):
        assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_a_nonce_marks_every_script_that_a_strict_policy_has_to_let_in(client: Client) -> None:
    response = client.get("/")
    html = response.content.decode()
    found = re.search(r"script-src 'nonce-([^']+)' 'strict-dynamic'", response["Content-Security-Policy"])
    assert found
    for tag in re.findall(r'<(?:script|link rel="modulepreload")[^>]*>', html):
        assert f'nonce="{found[1]}"' in tag or 'type="application/json"' in tag, tag
    assert f"nonce-{found[1]}" not in client.get("/")["Content-Security-Policy"], "each page has one of its own"
    assert "style=" not in html
    assert " on" not in re.sub(r">[^<]*<", "><", html)


def test_every_import_in_our_modules_leads_to_a_file_that_is_served() -> None:
    imports = modules.import_map()["imports"]
    for path in STATIC.rglob("*.js"):
        for name in re.findall(r'^(?:import|\} from|export .* from)[^"\n]*"([^"]+)";$', path.read_text(), re.MULTILINE):
            if name.startswith("."):
                assert (path.parent / name).resolve().is_file(), f"{path.name} imports {name}"
            else:
                assert name in imports, f"{path.name} imports {name}"
    for library in (modules.LIBRARIES | modules.LAZY).values():
        assert finders.find(library), library


def test_with_hashed_names_the_map_leads_from_each_module_to_its_hashed_file(
    settings: Settings, tmp_path: Path
) -> None:
    hashed = {path: path.replace(".js", ".abc123.js") for path in modules.module_paths()}
    libraries = modules.LIBRARIES | modules.LAZY
    hashed |= {path: re.sub(r"(\.m?js)$", r".abc123\1", path) for path in libraries.values()}
    (tmp_path / "staticfiles.json").write_text(json.dumps({"version": "1.1", "paths": hashed, "hash": ""}))
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    modules._import_map.cache_clear()
    try:
        imports = modules.import_map()["imports"]
    finally:
        modules._import_map.cache_clear()
    for path, name in hashed.items():
        if path in libraries.values():
            assert f"/static/{name}" in imports.values()
        else:
            assert imports[f"/static/{path}"] == f"/static/{name}"
    assert f"/static/{modules.TYPES}" not in imports


@pytest.mark.django_db
def test_the_page_holds_the_shape_of_every_icon_that_it_draws_and_of_no_other(client: Client) -> None:
    drawn = re.findall(r'^  \w+: "([\w-]+)",$', (STATIC / "view/icon.js").read_text(), re.MULTILINE)
    assert sorted(drawn) == ICONS
    html = client.get("/").content.decode()
    assert re.findall(r'<symbol id="lucide-([\w-]+)" viewBox="0 0 24 24"><', html) == ICONS


def test_the_shapes_of_icons_are_only_drawn() -> None:
    """They are the one thing in the page from an installed package that is not escaped."""
    for shape in symbols().values():
        assert set(re.findall(r"<(\w+)", shape)) <= {"g", "path", "rect", "circle"}
        assert not re.search(r"\b(on\w+|href|style)\s*=", shape)
