"""The admin, clicked through under its policy: each model listed, added, changed and deleted without a complaint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import Record
from tests.server import ServerProcess

PASSWORD = "long and never guessed"
FORMS = {
    "accounts/user": ({"Username": "grace", "Password": PASSWORD, "Password confirmation": PASSWORD}, "Email address"),
    "auth/group": ({"Name": "Editors"}, "Name"),
}
"""Of each model: what its form for a new one asks for, and a field to change afterwards."""


def complaints(record: Record) -> list[str]:
    """What was said on the console, but for the browser's advice about Django's own forms."""
    return [one for one in record.troubles if not one.startswith(("info:", "verbose:"))]


@pytest.fixture(scope="module")
def own_server() -> Iterator[ServerProcess]:
    """A server with somebody who may do everything."""
    with ServerProcess(env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD}) as process:
        made = process.manage("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
        assert made.returncode == 0, made.stderr
        yield process


@pytest.fixture
def admin(page: Page, own_server: ServerProcess) -> Iterator[str]:
    """The address of the admin, signed in; at the end nothing was complained about and nobody else was asked."""
    record = Record(page)
    page.goto(f"{own_server.url}admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()
    yield f"{own_server.url}admin/"
    assert complaints(record) == []
    assert [url for url in record.requests if not url.startswith(own_server.url)] == []


def test_every_model_that_is_there_is_clicked_through(page: Page, admin: str) -> None:
    links = page.locator("#content-main tbody th a")
    assert {link.get_attribute("href") for link in links.all()} == {f"/admin/{model}/" for model in FORMS}


@pytest.mark.parametrize("model", FORMS)
def test_a_model_is_listed_added_changed_and_deleted(page: Page, admin: str, model: str) -> None:
    fields, changed = FORMS[model]
    page.goto(f"{admin}{model}/")
    page.locator(".object-tools .addlink").click()
    for label, value in fields.items():
        page.get_by_label(f"{label}:", exact=True).fill(value)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_contain_text("added successfully")
    page.get_by_label(f"{changed}:", exact=True).fill("changed@example.org")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("changed successfully")
    page.locator("#searchbar").fill("changed@example.org")
    page.locator("#searchbar").press("Enter")
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    row.get_by_role("link").first.click()
    page.get_by_role("link", name="History").click()
    expect(page.locator("#change-history")).to_contain_text("Changed")
    page.go_back()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Yes, I").click()
    expect(page.locator(".messagelist .success")).to_contain_text("deleted successfully")


def test_users_are_filtered_sorted_given_groups_and_passwords_and_deleted_many_at_once(page: Page, admin: str) -> None:
    for name in ("one", "two"):
        page.goto(f"{admin}accounts/user/add/")
        page.get_by_label("Username:").fill(name)
        for label in ("Password:", "Password confirmation:"):
            page.get_by_label(label, exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator(".messagelist .success")).to_contain_text("added successfully")
    # A group made in a window of its own is chosen when that closes, and permissions move from one box to the other.
    with page.expect_popup() as opening:
        page.locator("#add_id_groups").click()
    window = opening.value
    window_record = Record(window)
    window.get_by_label("Name:").fill("Readers")
    with window.expect_event("close"):
        window.get_by_role("button", name="Save", exact=True).click()
    assert complaints(window_record) == []
    expect(page.locator("#id_groups_to option")).to_have_text(["Readers"])
    page.locator("#id_user_permissions_from option").first.dblclick()
    expect(page.locator("#id_user_permissions_to option")).to_have_count(1)
    for link in ("Today", "Now"):
        page.locator(".field-last_login").get_by_role("link", name=link).click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("changed successfully")

    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)
    page.locator("#changelist-filter").get_by_role("link", name="Yes").nth(1).click()
    expect(rows).to_have_count(1)
    page.goto(f"{admin}accounts/user/")
    page.locator("thead").get_by_role("link", name="Username").click()
    expect(rows.locator("th")).to_have_text(["ada", "one", "two"])
    rows.nth(1).get_by_role("checkbox").check()
    rows.nth(2).get_by_role("checkbox").check()
    expect(page.locator(".action-counter")).to_have_text("2 of 3 selected")
    page.get_by_label("Action:").select_option("delete_selected")
    page.locator(".actions button[name=index]").click()
    page.get_by_role("button", name="Yes, I").click()
    expect(rows).to_have_count(1)

    page.get_by_role("button", name="Toggle theme").locator("visible=true").first.click()
    page.get_by_role("link", name="Change password").click()
    expect(page.get_by_label("Old password:")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
