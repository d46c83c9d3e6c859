"""`manage.py schema` writes docs/asyncapi.json from the types of the wire; `--check` only says whether it is true."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.protocol.asyncapi import document


class Command(BaseCommand):
    help = "Write the description of the WebSocket's wire (AsyncAPI 3) to docs/asyncapi.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--check`."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or compare."""
        path = Path(settings.BASE_DIR) / "docs" / "asyncapi.json"
        text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
        if not options["check"]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"Wrote {path.relative_to(settings.BASE_DIR)}.")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise CommandError(
                "docs/asyncapi.json does not match the types. Run `manage.py schema` and commit the result."
            )
