"""Processes of this project, in an environment that has nothing of the person who runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests import TIMEOUT

ROOT = Path(__file__).resolve().parent.parent

SETTINGS = {
    *("AGENTS", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG", "DJANGO_SETTINGS_MODULE", "GUESTS"),
    *("GUESTS_PER_HOUR", "HOST", "HTTPS", "LOG_LEVEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "PORT"),
    *("REDIS_URL", "SECRET_KEY", "TRUST_PROXY", "USER_COMMANDS", "USER_RUNS", "USER_SOCKETS"),
}


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without the project's settings, plus what every test process needs, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return {
        **kept,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
        "SECRET_KEY": "only-for-tests-" + 50 * "x",
        "HTTPS": "off",
        "GUESTS_PER_HOUR": "100000",
        "USER_SOCKETS": "100000",
        "USER_COMMANDS": "1000000",
        "USER_RUNS": "100000",
        **extra,
    }


def manage(*arguments: str, env: Mapping[str, str], timeout: float = 4 * TIMEOUT) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end in an environment of exactly `env`; never raises for its exit code."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
