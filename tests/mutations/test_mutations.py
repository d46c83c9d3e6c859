"""Tests of promises can fail: each invariant is broken on purpose in a copy of the source, and its test says so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import TIMEOUT
from tests.mutations.mutations import MUTATIONS, Mutation
from tests.process import ROOT

COPIED = ("accounts", "chat", "config", "tests", "manage.py", "pyproject.toml")
# The first ones are what everything else leans on.
SHOWN = MUTATIONS if os.environ.get("FAULTS") == "whole" else MUTATIONS[:4]
LIMIT = 8 * TIMEOUT
FAILED = 1
"""pytest's exit code for tests that ran and failed; one that cannot even begin has another."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The source, to break."""
    copy = tmp_path_factory.mktemp("mutated")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    yield copy
    shutil.rmtree(copy)


def run(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run these tests on the copy."""
    quick = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-rfE"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *quick, *tests],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "STACK": "", "COLUMNS": "500"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.timeout(LIMIT + TIMEOUT)
def test_unbroken_the_tests_pass(copy: Path) -> None:
    ran = run(copy, *{mutation.test for mutation in SHOWN})
    assert ran.returncode == 0, ran.stdout


@pytest.mark.timeout(LIMIT + TIMEOUT)
@pytest.mark.parametrize("mutation", SHOWN, ids=lambda mutation: mutation.broken)
def test_broken_its_test_fails(copy: Path, mutation: Mutation) -> None:
    path = copy / mutation.path
    source = path.read_text()
    assert source.count(mutation.old) == 1, f"{mutation.path} has changed: say anew how to break it"
    path.write_text(source.replace(mutation.old, mutation.new))
    try:
        ran = run(copy, mutation.test)
    finally:
        path.write_text(source)
    assert ran.returncode == FAILED, ran.stdout
    (reason,) = re.findall(rf"^FAILED {re.escape(mutation.test)}(?: - )?(.*)", ran.stdout, re.MULTILINE)
    # By what it saw, and not by a slip in the change.
    assert not re.match(r"(Name|Type|Attribute|Syntax|Import)Error", reason), ran.stdout
