"""The real settings, for workers that take each other for dead after 6 seconds instead of 30, and look for what they
did not hear of as often.

The short form of the fault suite runs on them; `make faults` waits as long as people would.
"""

from __future__ import annotations

from django.apps import AppConfig

from config.settings import *  # noqa: F403  # settings are all of a module
from config.settings import INSTALLED_APPS

BEAT = 1.0
LEASE = 6.0
RECONCILE = 6.0


class Hurried(AppConfig):
    """Shortens what is long once everything is loaded."""

    name = "tests.faults"
    label = "hurried"

    def ready(self) -> None:
        from chat import hub
        from chat.runs import heartbeat

        hub.RECONCILE = RECONCILE
        heartbeat.BEAT, heartbeat.LEASE = BEAT, LEASE


INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.hurried.Hurried"]
