"""docs/promises.md names tests and files that exist, and no promise without one."""

from __future__ import annotations

import re

import pytest

from tests.process import ROOT

ROWS = [
    line
    for line in (ROOT / "docs/promises.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| promise |", "| fault |"))
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_a_promise_names_its_tests(row: str) -> None:
    named = re.findall(r"`(tests/[\w/.]+)::(\w+)`", row)
    assert named
    for path, name in named:
        source = (ROOT / path).read_text()
        assert re.search(rf"^ *(async )?def {name}\(", source, re.MULTILINE), f"{path} has no {name}"


def test_the_files_that_keep_promises_are_there() -> None:
    for path in re.findall(r"`((?:chat|config)/[\w/.]*)`", "\n".join(ROWS)):
        assert (ROOT / path).exists(), path
