"""What the environment makes of the settings. Each is read in a process of its own, as they are read once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import TIMEOUT
from tests.process import ROOT, clean_environment, manage

SHOW = (
    "import json, sys, config.settings as s; "
    "print(json.dumps({name: getattr(s, name) for name in sys.argv[1:]}, default=repr))"
)


def settings_with(*names: str, **env: str) -> dict[str, Any]:
    """The values of `names`, under `env`."""
    shown = subprocess.run(
        [sys.executable, "-c", SHOW, *names],
        cwd=ROOT,
        env=clean_environment(**env),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    values: dict[str, Any] = json.loads(shown.stdout)
    return values


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set."),
        ({"HTTPS": "yess"}, "HTTPS is 'yess'; it must be on or off."),
        ({"PORT": "http"}, "PORT is 'http'; it must be a whole number."),
        ({"USER_COMMANDS": "0"}, "USER_COMMANDS is 0; it must be 1 or more"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD'; it must be DEBUG, INFO"),
        ({"DATABASE_URL": "mysql://a@b/c"}, "DATABASE_URL must name SQLite"),
        ({"AGENTS": "["}, "AGENTS is not valid JSON"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence(env: dict[str, str], sentence: str) -> None:
    done = manage("check", env=clean_environment(**env))
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert "Traceback" not in done.stderr


def test_https_is_on_unless_debug_is() -> None:
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
    assert all(settings_with(*names, HTTPS="").values())
    assert not any(settings_with(*names, HTTPS="", DEBUG="on").values())
    assert all(settings_with(*names, HTTPS="on", DEBUG="on").values())
    assert not any(settings_with(*names, HTTPS="off").values())


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    defaults = {
        "PORT": 8000,
        "HOST": "127.0.0.1",
        "GUESTS": True,
        "GUESTS_PER_HOUR": 30,
        "USER_SOCKETS": 50,
        "USER_COMMANDS": 600,
        "USER_RUNS": 50,
        "LOG_LEVEL": "INFO",
        "REDIS_URL": "",
        "CSRF_TRUSTED_ORIGINS": [],
    }
    assert settings_with(*defaults, **dict.fromkeys(defaults, "")) == defaults


def test_a_key_that_begins_with_a_dollar_is_a_key() -> None:
    assert settings_with("SECRET_KEY", SECRET_KEY="$HOME-and-more") == {"SECRET_KEY": "$HOME-and-more"}


def test_the_address_listened_on_may_be_asked_for() -> None:
    assert "192.0.2.7" in settings_with("ALLOWED_HOSTS", HOST="192.0.2.7")["ALLOWED_HOSTS"]
    assert "[2001:db8::7]" in settings_with("ALLOWED_HOSTS", HOST="2001:db8::7")["ALLOWED_HOSTS"]
    assert "0.0.0.0" not in settings_with("ALLOWED_HOSTS", HOST="0.0.0.0")["ALLOWED_HOSTS"]  # noqa: S104  # not listened on


def test_postgres_has_a_pool_for_every_thread_and_time_limits_that_an_operator_may_change() -> None:
    values = settings_with("DATABASES", "DATABASE_THREADS", DATABASE_URL="postgres://me:secret@db.example/chat")
    database = values["DATABASES"]["default"]
    assert (database["HOST"], database["NAME"], database["CONN_MAX_AGE"]) == ("db.example", "chat", 0)
    assert database["OPTIONS"]["pool"]["max_size"] >= values["DATABASE_THREADS"]
    assert "statement_timeout" in database["OPTIONS"]["options"]
    assert {"connect_timeout", "keepalives_idle", "tcp_user_timeout"} <= database["OPTIONS"].keys()
    values = settings_with("DATABASES", DATABASE_URL="postgres://me:secret@db.example/chat?tcp_user_timeout=20000")
    assert values["DATABASES"]["default"]["OPTIONS"]["tcp_user_timeout"] in (20000, "20000")


def test_redis_carries_the_layer_and_the_cache() -> None:
    values = settings_with("CHANNEL_LAYERS", "CACHES", REDIS_URL="redis://127.0.0.1:1/0")
    assert values["CHANNEL_LAYERS"]["default"]["BACKEND"].endswith("RedisPubSubChannelLayer")
    (host,) = values["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
    assert {"address", "retry", "retry_on_error"} <= host.keys()
    assert values["CACHES"]["default"]["LOCATION"] == "redis://127.0.0.1:1/0"


def test_sqlite_writes_ahead_and_waits_for_other_writers(tmp_path: Path) -> None:
    read = (
        "from django.db import connection as c; "
        "print([c.cursor().execute(f'PRAGMA {name}').fetchone()[0] for name in "
        "('journal_mode', 'synchronous', 'busy_timeout')])"
    )
    env = clean_environment(DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}")
    assert manage("shell", "--no-imports", "-c", read, env=env).stdout == "['wal', 1, 10000]\n"
