from __future__ import annotations

import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config import server, static


class Command(BaseCommand):
    """Runs the service: HTTP, sockets and the runs of agents, in one process."""

    help = "Serve HTTP and WebSocket with daphne, ending well: SIGTERM drains, SIGINT does not wait."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        # Alone, nobody probes readiness and nobody takes over; among several workers, a balancer does both.
        alone = not settings.REDIS_URL
        parser.add_argument("--host", default=settings.HOST, help="address to listen on (HOST)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on, 0 for any (PORT)")
        parser.add_argument(
            "--drain",
            type=float,
            default=5.0 if alone else 60.0,
            metavar="SECONDS",
            help="how long runs may take to end after SIGTERM (default: 5, with REDIS_URL 60)",
        )
        parser.add_argument(
            "--probe-period",
            type=float,
            default=0.0 if alone else 5.0,
            metavar="SECONDS",
            help="how long to go on listening, not ready, after SIGTERM (default: 0, with REDIS_URL 5)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Until the loop owns the signals, ending is simply ending.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        try:
            bound = server.bind(options["host"], options["port"])
        except server.CannotListen as refusal:
            self.stderr.write(str(refusal))
            sys.exit(1)
        if options["host"] in settings.WILDCARD_HOSTS and not os.environ.get("ALLOWED_HOSTS"):
            self.say("To let other machines in, set ALLOWED_HOSTS to the name or address by which they reach this one.")
        server.allow_open_files()
        self.prepare()
        patience = server.Patience(probe=options["probe_period"], drain=options["drain"])
        sys.exit(server.serve(bound, patience=patience, say=self.say))

    def prepare(self) -> None:
        """Do what has to be done before the application is loaded."""
        if not settings.DEBUG:
            static.collect()

    def say(self, sentence: str) -> None:
        """Show `sentence` at once, also where the output is a file or a pipe."""
        self.stdout.write(sentence)
        self.stdout.flush()
