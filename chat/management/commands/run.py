from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management import call_command

from chat.management.commands import serve
from config import local_model, static
from config.agents import agents_from


class Command(serve.Command):
    """What `make run` runs: everything that a laptop needs, then `serve` in this same process."""

    help = "Migrate, collect static files, start the local model unless another one is set, and serve."

    model: local_model.Child | None = None

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        finally:
            if self.model is not None:
                self.model.stop()

    def prepare(self) -> None:
        wants_model = not (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"))
        if wants_model and local_model.is_installed():
            self.say("Starting the local model.")
            self.model = local_model.Child(log=settings.VAR_DIR / "model.log")
        self.say("Bringing the database up to date.")
        call_command("migrate", interactive=False, verbosity=0)
        if not settings.DEBUG and static.collect():
            self.say("Collected the static files.")
        if wants_model:
            self._use_model()

    def _use_model(self) -> None:
        """Point the agents at the local model, or say what answers instead."""
        if self.model is None:
            self.say("The local model is not installed, so a scripted agent answers. `make model` installs it.")
        elif self.model.wait_until_ready():
            # Settings were read before the model had an address.
            os.environ |= {"OPENAI_BASE_URL": self.model.base_url, "OPENAI_MODEL": local_model.NAME}
            settings.AGENTS = agents_from(os.environ)
            for agent in settings.AGENTS:
                if agent["base_url"] == self.model.base_url:
                    agent.setdefault("context_budget", local_model.CONTEXT)
        else:
            self.model.stop()
            self.model = None
            self.say(
                f"The local model did not start ({settings.VAR_DIR / 'model.log'} says why), so a scripted agent "
                "answers. To use another model set OPENAI_BASE_URL or OPENAI_API_KEY."
            )
