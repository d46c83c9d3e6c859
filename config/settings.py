"""All settings, read from the environment once. README.md has the table of variables and their defaults."""

from __future__ import annotations

import logging
import os

from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from whitenoise.compress import Compressor

from config import catalogues, embedded, logs
from config.agents import agents_from
from config.environment import env, flag, number, text, words
from config.security import POLICY as CONTENT_SECURITY_POLICY  # noqa: F401  # a setting of django-csp
from config.vendor_files import VENDOR_FILES  # noqa: F401  # a setting of config.vendor

BASE_DIR = embedded.VAR.parent
VAR_DIR = embedded.VAR

DEBUG = flag("DEBUG", default=False)
# Not through `env`, which would read a value that begins with "$" as the name of another variable.
SECRET_KEY = os.environ.get("SECRET_KEY") or (embedded.secret_key() if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set it to a long random text that you keep secret, such as the output of "
        "`python3 -c 'import secrets; print(secrets.token_urlsafe(64))'`. To try the project on your own machine use "
        "`make run`, or set DEBUG=on: both make a key for themselves."
    )

# --- Addresses -------------------------------------------------------------------------------------------------------

HOST = text("HOST", "127.0.0.1")
PORT = number("PORT", 8000)
WILDCARD_HOSTS = {"0.0.0.0", "::"}  # noqa: S104  # compared with, never a default
ALLOWED_HOSTS = words("ALLOWED_HOSTS") or [
    "localhost",
    ".localhost",
    "127.0.0.1",
    "[::1]",
    *([] if HOST in WILDCARD_HOSTS else [f"[{HOST}]" if ":" in HOST else HOST]),
]
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

# --- HTTPS and proxies -----------------------------------------------------------------------------------------------

HTTPS = flag("HTTPS", default=not DEBUG)
TRUST_PROXY = flag("TRUST_PROXY", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
# A message may have 1 MiB, each byte of which JSON may write as six.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024 + 64 * 1024
SILENCED_SYSTEM_CHECKS = [
    # HSTS for subdomains and the preload list bind hosts that are not this project's: their owner switches them on.
    "security.W005",
    "security.W021",
]

# --- The application -------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "accounts",
    "chat",
    "ninja",  # for the API page's own files, so that it needs no content network
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "config.health.HealthMiddleware",  # before the HTTPS redirect and anything that asks for the host
    "config.security.SecurityHeadersMiddleware",  # around everything else, so that no answer is without
    "django.middleware.security.SecurityMiddleware",
    "config.static.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database --------------------------------------------------------------------------------------------------------

DATABASE_THREADS = 8
"""Threads in which async code runs queries. A Postgres pool is never smaller."""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_database = env.db_url_config(os.environ.get("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
if _database["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(exist_ok=True)
    _database["CONN_MAX_AGE"] = None  # 10 µs a query instead of 208: opening a file costs more than asking it
    _database["OPTIONS"] = {
        "timeout": 10,  # seconds to wait for another writer
        "transaction_mode": "IMMEDIATE",  # a transaction that writes later must not find that it may not
        # A checkpoint waits for the disk, and every stream with it: so it comes after 32 MB of log rather than 4.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8000;",
        **_database.get("OPTIONS", {}),
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["CONN_MAX_AGE"] = 0  # the pool keeps connections open, threads give them back
    # After a restart of the server a pool is full of dead connections, each of which would fail somebody's request.
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {
        # Requests have threads of their own beside the shared ones. Seconds to wait for a connection; psycopg's own
        # defaults (4 connections, 30 s) starve the shared threads.
        "pool": {"min_size": 2, "max_size": 2 * DATABASE_THREADS, "timeout": 10},
        # Either end finds out within seconds that the other does not answer any more. TCP alone would wait for a
        # quarter of an hour, a thread with it here, and there the locks of a transaction. `connect_timeout` and
        # keepalives are in seconds, all others in milliseconds; on a Unix socket those of TCP mean nothing.
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "tcp_user_timeout": 10_000,
        "options": "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=15000"
        " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_user_timeout=10000",
        **_database.get("OPTIONS", {}),
    }
else:
    raise ImproperlyConfigured("DATABASE_URL must name SQLite (sqlite:///path) or Postgres (postgres://…).")
DATABASES = {"default": _database}

# --- Redis: several workers ------------------------------------------------------------------------------------------

REDIS_URL = os.environ.get("REDIS_URL", "")
if REDIS_URL:
    from config.layers import redis_cache, redis_channel_layer

    CHANNEL_LAYERS = {"default": redis_channel_layer(REDIS_URL)}
    CACHES = {"default": redis_cache(REDIS_URL)}
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- People ----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
GUESTS = flag("GUESTS", default=True)
GUESTS_PER_HOUR = number("GUESTS_PER_HOUR", 30)
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "accounts:login"  # not the page itself, which would make a guest at once
SESSION_COOKIE_AGE = 60 * 24 * 3600  # seconds after the last visit; a guest has no other way back to their chats
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# How much one person may do at once. Generous for people, firm for programs that run away.
USER_SOCKETS = number("USER_SOCKETS", 50)  # on one worker
USER_COMMANDS = number("USER_COMMANDS", 600)  # a minute, on one worker
USER_RUNS = number("USER_RUNS", 50)  # replies being written, on all workers
if not USER_COMMANDS:
    raise ImproperlyConfigured("USER_COMMANDS is 0; it must be 1 or more, or nobody could write.")

# --- Agents ----------------------------------------------------------------------------------------------------------

AGENTS = agents_from(os.environ)

# --- Static files ----------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.vendor.VendorFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.static.StaticFilesStorage"
    },
}
# Those of whitenoise, and maps: megabytes that only a debugger reads, and half of the time that collecting takes.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
# --- Language, time, logs --------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
# A person's choice, else what their browser asks for. Compiled here, because Django reads it as soon as it is loaded.
LANGUAGES = [(code, LANG_INFO[code]["name_local"]) for code in ("en", *catalogues.languages())]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LOCALE_PATHS = [catalogues.compiled(VAR_DIR / "locale")]
USE_TZ = True
TIME_ZONE = "UTC"

LOG_LEVEL = text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in logging.getLevelNamesMapping():
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}; it must be DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "config.logs.JsonLines"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": logs.formatter(debug=DEBUG)},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would write each line a second time.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # Scanners ask for any host, and the 400 that they get says it all.
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
        # A line per connection and per request to a model says nothing that the runs do not say.
        "daphne": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
