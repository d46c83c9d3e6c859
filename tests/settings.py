"""The real settings, as tests want them: fixed whatever the environment of the person who runs them says.

Tests run on SQLite and in memory; with `STACK=cluster` on Postgres and Redis.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.services import CLUSTER, databases, new_redis

for _name in ("AGENTS", "ALLOWED_HOSTS", "DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
    os.environ.pop(_name, None)
os.environ |= {"SECRET_KEY": "only-for-tests-" + 50 * "x", "HTTPS": "off", "DEBUG": "off", "REDIS_URL": ""}
if CLUSTER:
    os.environ |= {"DATABASE_URL": databases().new(migrated=False), "REDIS_URL": new_redis()}

from config.settings import *  # noqa: E402, F403  # the environment has to be set before they are read
from config.settings import DATABASES, STORAGES  # noqa: E402

if not CLUSTER:
    # A file of this process alone, since an in-memory SQLite shared by threads has none of WAL's concurrency, and two
    # test runs may go on at once in one checkout.
    _directory = Path(tempfile.mkdtemp(prefix="polylogue-tests-"))
    atexit.register(shutil.rmtree, _directory, ignore_errors=True)
    DATABASES["default"]["NAME"] = str(_directory / "db.sqlite3")
    DATABASES["default"]["TEST"] = {"NAME": str(_directory / "test.sqlite3")}

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
