"""What `manage.py check --deploy` says of a deployment that cannot be reached."""

from __future__ import annotations

import pytest

from tests.process import clean_environment, manage

COMPLETE = {"ALLOWED_HOSTS": "chat.example.org", "HTTPS": "on", "TRUST_PROXY": "on"}


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({}, set()),
        ({"ALLOWED_HOSTS": ""}, {"polylogue.W001"}),
        ({"ALLOWED_HOSTS": " , "}, {"polylogue.W001"}),
        ({"TRUST_PROXY": ""}, {"polylogue.W002"}),
        ({"TRUST_PROXY": "off", "ALLOWED_HOSTS": ""}, {"polylogue.W001", "polylogue.W002"}),
    ],
    ids=["nothing", "no name", "an empty list of names", "no trust", "neither"],
)
def test_what_is_missing_is_said_and_what_to_do(missing: dict[str, str], said: set[str]) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", env=clean_environment(**COMPLETE | missing))
    assert {name for name in ("polylogue.W001", "polylogue.W002") if name in done.stderr} == said
    assert done.returncode == bool(said)
    assert done.stderr.count("HINT: Set ") == len(said)


def test_without_https_nobody_is_redirected() -> None:
    done = manage("check", "--deploy", env=clean_environment(**COMPLETE | {"HTTPS": "off", "TRUST_PROXY": "off"}))
    assert "polylogue" not in done.stderr


def test_only_a_deployment_is_asked() -> None:
    done = manage("check", env=clean_environment(HTTPS="on"))
    assert done.stdout == "System check identified no issues (0 silenced).\n"
