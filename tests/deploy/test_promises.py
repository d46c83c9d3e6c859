"""docs/promises.md names tests and files that exist, and no promise without one."""

from __future__ import annotations

import ast
import re

import pytest

from tests.process import ROOT

ROWS = [
    line
    for line in (ROOT / "docs/promises.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| promise |", "| fault |"))
]


def _is_long(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "long"


def mark_of(path: str, name: str) -> str:
    """What `docs/promises.md` says of a test that only `make faults` runs, or runs with all its parameters."""
    tree = ast.parse((ROOT / path).read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            if any(_is_long(part) for part in ast.walk(node.value)):
                return "(long)"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            if any(_is_long(decorator) for decorator in node.decorator_list):
                return "(long)"
            if any(_is_long(part) for decorator in node.decorator_list for part in ast.walk(decorator)):
                return "(partly long)"
    return ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_a_promise_says_which_of_its_tests_are_long(row: str) -> None:
    for path, name, mark in re.findall(r"`(tests/[\w/.]+)::(\w+)`(?: (\((?:partly )?long\)))?", row):
        assert mark == mark_of(path, name), name


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
