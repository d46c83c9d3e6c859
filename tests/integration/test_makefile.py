"""What set-up says to someone whose machine lacks what it needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import TIMEOUT
from tests.process import ROOT


def set_up_with(python: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Ask make for a Python environment made by a `python` of which only these lines of shell are known."""
    stand_in = tmp_path / "python3"
    stand_in.write_text(f"#!/bin/sh\n{python}\n")
    stand_in.chmod(0o755)
    make = shutil.which("make")
    assert make
    venv = tmp_path / "venv"
    return subprocess.run(
        [make, f"PYTHON={stand_in}", f"VENV={venv}", f"{venv}/bin/python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        pytest.param(
            'case "$*" in *version_info*) exit 1;; *) echo Python 3.9.2;; esac',
            "needs Python 3.11 or newer; '{python}' is Python 3.9.2.",
            id="old",
        ),
        pytest.param("exit 127", "needs Python 3.11 or newer", id="none"),
        pytest.param(
            'case "$*" in *ensurepip*) exit 1;; esac',
            "Python's venv module is missing. On Debian and Ubuntu install it with: apt install python3-venv",
            id="no-venv",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(python: str, sentence: str, tmp_path: Path) -> None:
    done = set_up_with(python, tmp_path)
    assert done.returncode != 0
    assert sentence.format(python=tmp_path / "python3") in done.stdout
    assert not (tmp_path / "venv").exists()
