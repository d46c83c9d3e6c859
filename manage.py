#!/usr/bin/env python
"""Django's command line for this project."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["run"]:
        # The laptop's one command gets a laptop's defaults, and settings read the environment once, at import.
        from config import embedded

        embedded.prepare(os.environ)
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        # Read now, so that a refusal is a sentence and no traceback.
        bool(settings.INSTALLED_APPS)
    except ImproperlyConfigured as refusal:
        sys.exit(f"{refusal}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # what a shell expects of a command that Ctrl-C ended
