"""The laptop's defaults."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config import embedded


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "var"
    monkeypatch.setattr(embedded, "VAR", path)
    return path


def test_the_key_is_made_once_and_only_its_owner_reads_it(var: Path) -> None:
    key = embedded.secret_key()
    assert len(key) >= 50
    assert embedded.secret_key() == key
    assert stat.S_IMODE((var / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in var.iterdir()] == ["secret_key"]


def test_what_a_person_has_set_is_kept(var: Path) -> None:
    environ = {"SECRET_KEY": "mine", "HTTPS": "on"}
    embedded.prepare(environ)
    assert environ == {"SECRET_KEY": "mine", "HTTPS": "on"}
    assert not var.exists()


def test_a_laptop_gets_a_key_and_plain_http(var: Path) -> None:
    environ: dict[str, str] = {}
    embedded.prepare(environ)
    assert environ == {"SECRET_KEY": embedded.secret_key(), "HTTPS": "off"}
