"""Log lines: one JSON object each, with the ids of what they are about."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextvars import Context
from typing import Any
from uuid import uuid4

import pytest

from config import logs

logger = logging.getLogger("tests.logs")


class Written:
    """What a logger wrote."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text]


@pytest.fixture
def written() -> Iterator[Written]:
    written = Written()
    handler = logging.StreamHandler(written.stream)
    handler.setFormatter(logs.JsonLines())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)


def test_a_line_says_when_how_bad_and_who(written: Written) -> None:
    logger.warning("%d replies\nwere cut off", 3)
    (line,) = written.lines
    assert line["message"] == "3 replies\nwere cut off"
    assert (line["level"], line["logger"]) == ("WARNING", "tests.logs")
    assert line["time"].endswith("Z")
    assert len(line["time"]) == len("2026-01-01T00:00:00.000Z")


def test_a_line_carries_the_ids_that_it_is_given_and_nothing_else(written: Written) -> None:
    run = uuid4()
    logger.info("run %s ended", run, extra={"run": run, "status_code": 500, "request": object()})
    (line,) = written.lines
    assert line.keys() == {"time", "level", "logger", "message", "run", "status_code"}
    assert line["run"] == str(run)


def test_an_exception_stays_on_the_line(written: Written) -> None:
    try:
        int("odd")
    except ValueError:
        logger.exception("it failed")
    assert len(written.text) == 1
    assert "ValueError: invalid literal" in written.lines[0]["exception"]


async def test_ids_of_a_task_are_on_all_its_lines_and_on_no_others(written: Written) -> None:
    both = asyncio.Barrier(2)

    async def work(run: str) -> None:
        logs.about(run=run)
        await both.wait()
        logger.info("at work")
        await asyncio.create_task(child(run))

    async def child(run: str) -> None:
        logger.info("of %s", run)

    await asyncio.gather(*(asyncio.create_task(work(run), context=Context()) for run in ("one", "two")))
    logger.info("after them")
    assert sorted((line["message"], line.get("run")) for line in written.lines) == [
        ("after them", None),
        ("at work", "one"),
        ("at work", "two"),
        ("of one", "one"),
        ("of two", "two"),
    ]


@pytest.mark.parametrize(
    ("debug", "terminal", "name"), [(False, False, "json"), (True, False, "line"), (False, True, "line")]
)
def test_people_get_lines_and_programs_json(
    debug: bool, terminal: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(stderr, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", stderr)
    assert logs.formatter(debug=debug) == name
