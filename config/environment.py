"""Reads variables: one that is empty counts as not set, and one that makes no sense is refused in a sentence."""

from __future__ import annotations

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

ON = environ.Env.BOOLEAN_TRUE_STRINGS
OFF = ("false", "off", "n", "no", "0")


def text(name: str, default: str) -> str:
    """A line of text."""
    return env.str(name, default="").strip() or default


def words(name: str) -> list[str]:
    """Values separated by commas."""
    return [word for word in (word.strip() for word in env.list(name, default=[])) if word]


def flag(name: str, *, default: bool) -> bool:
    """A switch. A misspelt one is refused, since it could be the one that should have made things safe."""
    written = text(name, "").lower()
    if not written:
        return default
    if written not in ON + OFF:
        raise ImproperlyConfigured(f"{name} is {written!r}; it must be on or off.")
    return written in ON


def number(name: str, default: int) -> int:
    """A whole number, not negative."""
    written = text(name, str(default))
    if not written.isdecimal():
        raise ImproperlyConfigured(f"{name} is {written!r}; it must be a whole number.")
    return int(written)
