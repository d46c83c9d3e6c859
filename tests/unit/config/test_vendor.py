"""Only the listed files of node_modules are served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from config.vendor import VendorFinder
from config.vendor_files import HIGHLIGHTED


@pytest.fixture
def finder(tmp_path: Path, settings: Settings) -> VendorFinder:
    package = tmp_path / "node_modules" / "library"
    package.mkdir(parents=True)
    (package / "library.mjs").write_text("export default 1")
    (package / "secret.mjs").write_text("not served")
    settings.BASE_DIR = tmp_path
    settings.VENDOR_FILES = {"library/library.mjs": "library/library.mjs", "gone/gone.mjs": "gone/gone.mjs"}
    return VendorFinder()


def test_a_listed_file_is_found_below_vendor(finder: VendorFinder) -> None:
    assert Path(finder.find("vendor/library/library.mjs")).read_text() == "export default 1"
    assert finder.find("vendor/library/library.mjs", find_all=True) == [finder.find("vendor/library/library.mjs")]


@pytest.mark.parametrize(
    "path",
    ["vendor/library/secret.mjs", "library/library.mjs", "vendor/../library/library.mjs", "vendor/gone/gone.mjs"],
)
def test_nothing_else_is_found(finder: VendorFinder, path: str) -> None:
    assert finder.find(path) == []


def test_a_listed_file_that_is_not_installed_is_said_by_the_checks(finder: VendorFinder) -> None:
    (warning,) = finder.check()
    assert "gone/gone.mjs" in warning.msg
    assert warning.hint == "Run `make setup`."


def test_collecting_reads_each_file_under_its_static_path(finder: VendorFinder) -> None:
    path, storage = next(iter(finder.list(None)))
    assert path == "vendor/library/library.mjs"
    with storage.open(path) as file:
        assert file.read() == b"export default 1"


def test_the_page_knows_of_every_language_that_is_served_and_of_no_other() -> None:
    script = (Path(settings.BASE_DIR) / "chat/static/chat/markdown/highlight.js").read_text()
    assert re.findall(r'^    (\w+): "', script, re.MULTILINE) == HIGHLIGHTED


def test_every_file_of_the_real_list_is_installed() -> None:
    assert VendorFinder().check() == []
