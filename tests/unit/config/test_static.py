"""Static files under both kinds of server, and when they are collected."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from pytest_django import Settings

from config import static
from config.static import KEPT, StaticFilesMiddleware

STYLE = "/static/accounts/login.css"


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a page")


async def async_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a page")


def test_a_file_and_a_page_under_wsgi(rf: RequestFactory) -> None:
    middleware = StaticFilesMiddleware(page)
    answer = middleware(rf.get(STYLE))
    assert isinstance(answer, HttpResponse)
    assert b"--accent" in answer.content
    assert answer["Content-Type"] == 'text/css; charset="utf-8"'
    assert getattr(middleware(rf.get("/")), "content", b"") == b"a page"
    assert getattr(middleware(rf.get("/static/nothing.css")), "content", b"") == b"a page"


async def test_a_file_and_a_page_under_asgi() -> None:
    middleware = StaticFilesMiddleware(async_page)
    factory = AsyncRequestFactory()

    async def get(path: str, **headers: str) -> HttpResponse:
        answer = middleware(factory.get(path, headers=headers))
        assert not isinstance(answer, HttpResponse)
        return await answer

    answer = await get(STYLE)
    assert b"--accent" in answer.content
    unchanged = await get(STYLE, **{"if-modified-since": answer["Last-Modified"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    part = await get(STYLE, range="bytes=0-4")
    assert (part.status_code, part.content) == (206, b":root")
    assert (await get("/")).content == b"a page"
    assert (await get("/static/nothing.css")).content == b"a page"


async def test_nothing_outside_the_static_files_is_read() -> None:
    middleware = StaticFilesMiddleware(async_page)
    for path in ("/static/../settings.py", "/static/%2e%2e/manage.py", "/static//etc/passwd"):
        answer = middleware(AsyncRequestFactory().get(path))
        assert not isinstance(answer, HttpResponse)
        assert (await answer).content == b"a page"


@pytest.fixture
def source(tmp_path: Path, settings: Settings) -> Path:
    """The one static file that there is, in a project of its own."""
    folder = tmp_path / "sources"
    folder.mkdir()
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [folder]
    settings.STATIC_ROOT = tmp_path / "collected"
    file = folder / "a.css"
    file.write_text("a {}")
    return file


def test_files_are_collected_only_when_one_has_changed(source: Path, settings: Settings) -> None:
    assert static.collect()
    assert not static.collect()
    status = source.stat()
    source.write_text("b {}")
    # As npm does it: the same size, and a time of long ago.
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert static.collect()
    assert (settings.STATIC_ROOT / "a.css").read_text() == "b {}"


def test_a_file_of_an_earlier_version_is_kept_while_a_page_may_ask_for_it(source: Path, settings: Settings) -> None:
    earlier = source.parent / "b.css"
    earlier.write_text("b {}")
    static.collect()
    earlier.unlink()
    assert static.collect()
    (kept,) = settings.STATIC_ROOT.glob("b.????????????.css")
    assert kept.read_text() == "b {}"
    for file in settings.STATIC_ROOT.iterdir():
        os.utime(file, (0, time.time() - KEPT - 1))
    source.write_text("c {}")
    static.collect()
    assert not kept.exists()
    assert (settings.STATIC_ROOT / "a.css").read_text() == "c {}"


def test_what_is_collected_may_be_read_only(source: Path, settings: Settings) -> None:
    static.collect()
    lock = settings.STATIC_ROOT.parent / "collected.lock"
    lock.unlink()
    assert not static.collect()
    assert not lock.exists(), "nothing is written where nothing is to be done"
