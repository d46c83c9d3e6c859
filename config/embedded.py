"""The laptop's defaults: what `make run` needs that a deployment must say for itself. Runs before Django is loaded."""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping
from pathlib import Path

VAR = Path(__file__).resolve().parent.parent / "var"
"""Where the embedded default keeps its database, key, collected static files and logs. Outside git."""


def prepare(environ: MutableMapping[str, str]) -> None:
    """Fill in a key and plain HTTP in `environ`, wherever the person has said nothing else."""
    if not environ.get("SECRET_KEY"):
        environ["SECRET_KEY"] = secret_key()
    if not environ.get("HTTPS"):
        environ["HTTPS"] = "off"


def secret_key() -> str:
    """This checkout's own key, made once and readable by its owner alone.

    Two processes that start at once agree on one key: whoever creates the file writes it whole before it gets its name.
    """
    path = VAR / "secret_key"
    VAR.mkdir(exist_ok=True)
    if not path.exists():
        draft = VAR / f"secret_key.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
