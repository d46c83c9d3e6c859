"""What goes wrong with a model's server, as the `AgentError` that says so. No I/O.

The sentences are read by whoever asked, who often cannot change the settings: so each says what to do, or what whoever
runs the service should look at. What the server itself said is quoted, short, where it helps to ask differently.

`manage.py messages` finds the sentences here and the page says them in its reader's language: each is written as a
whole, and what changes in it is a plain name in braces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from chat.agents.base import AgentError

_OVERLOADED = 529  # what some providers say instead of 503
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, _OVERLOADED)
_QUOTE = 240
"""Characters of a server's own words that are shown."""

_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "The model's server did not accept the key (401). Check OPENAI_API_KEY.",
    HTTPStatus.FORBIDDEN: "The key may not use this model (403). Check OPENAI_API_KEY and OPENAI_MODEL.",
    HTTPStatus.NOT_FOUND: "The model's server knows no such model (404). Check OPENAI_MODEL and OPENAI_BASE_URL.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "This chat is too long for the model (413). Start a new one.",
}


def unreachable() -> AgentError:
    """No connection, or it went away before the first token."""
    return AgentError(
        "agent_unreachable",
        "The model's server cannot be reached. Try again in a moment; if it stays so, check that it runs and that "
        "OPENAI_BASE_URL is its address.",
    )


def silent(seconds: float) -> AgentError:
    """Nothing came for `seconds`."""
    return AgentError("agent_timeout", f"The model's server said nothing for {seconds:g} seconds. Please ask again.")


def not_http() -> AgentError:
    """What answers there is some other kind of server."""
    return AgentError(
        "agent_garbled",
        "The model's server does not speak HTTP. OPENAI_BASE_URL must be an OpenAI-compatible API; most end with /v1.",
    )


def not_a_stream(kind: str) -> AgentError:
    """`kind`: the media type of what came."""
    return AgentError(
        "agent_garbled",
        f"The model's server sent {kind} instead of an event stream. OPENAI_BASE_URL must be an OpenAI-compatible API; "
        "most end with /v1.",
    )


def garbled() -> AgentError:
    """A chunk, or a line, that no such server would send."""
    return AgentError(
        "agent_garbled",
        "The model's server sent something that is not understood. OPENAI_BASE_URL must be an OpenAI-compatible API; "
        "most end with /v1.",
    )


def cut_off(*, started: bool) -> AgentError:
    """The connection ended too early; `started`: after the first chunk of the reply."""
    if not started:
        return unreachable()
    return AgentError(
        "interrupted", "The model's server broke off in the middle of the reply. What was written is kept."
    )


def filtered() -> AgentError:
    """A content filter ended the reply: the text breaks off in the middle, and only a different question helps."""
    return AgentError(
        "agent_refused", "A content filter of the model's provider stopped this reply. Ask in a different way."
    )


def too_long() -> AgentError:
    """The model, or its server, writes no more tokens in one reply: the text breaks off, often in a sentence."""
    return AgentError("interrupted", "This reply reached the model's length limit. Continue it, or ask for the rest.")


def reported(error: object, *, spoken: bool) -> AgentError:
    """An error inside the stream; `spoken`: something of the reply has been shown already."""
    fields = error if isinstance(error, dict) else {"message": error}
    if spoken:
        said = _quoted(fields.get("message"))
        return AgentError(
            "interrupted", f"The model's server stopped in the middle of the reply{said}. What was written is kept."
        )
    statuses = (_status(fields.get(name)) for name in ("code", "status", "type"))
    return refused(next(filter(None, statuses), HTTPStatus.INTERNAL_SERVER_ERROR), fields)


def refused(status: int, body: object, *, retry_after: float | None = None) -> AgentError:
    """An answer with a status of 4xx or 5xx. `body`: its JSON, decoded. `retry_after`: seconds, where it named them."""
    fields: dict[str, Any] = body if isinstance(body, dict) else {}
    if isinstance(fields.get("error"), dict):
        fields = fields["error"]
    if fields.get("code") == "insufficient_quota":
        return AgentError("agent_refused", "The account at the model's provider has no credit left: top it up.")
    if status in _BUSY:
        if not retry_after:
            sentence = "The model has too much to do. Try again in a moment."
            return AgentError("agent_busy", sentence, retry_after=retry_after)
        seconds = math.ceil(retry_after)
        sentence = f"The model has too much to do. Try again in {seconds} seconds."
        return AgentError("agent_busy", sentence, retry_after=retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AgentError("agent_failed", f"The model's server failed ({status}). Please ask again.")
    said = _quoted(fields.get("message"))
    known = _REFUSALS.get(HTTPStatus(status)) if status in set(HTTPStatus) else None
    return AgentError("agent_refused", known or f"The model's server refused the request ({status}){said}.")


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """The seconds that an answer asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date.

    None where it names none, or nonsense; never negative.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    try:
        date = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)


def _status(code: object) -> int | None:
    """The HTTP status that an error object names as its `code`, if it is one; providers write it as 429 or "429"."""
    try:
        return HTTPStatus(int(code)).value if isinstance(code, int | str) else None
    except ValueError:
        return None


def _quoted(message: object) -> str:
    """What a server said, on one line, to stand in the middle of a sentence; or nothing."""
    if not isinstance(message, str) or not message.strip():
        return ""
    text = " ".join(message.split()).rstrip(".")
    return f": “{text[:_QUOTE]}…”" if len(text) > _QUOTE else f": “{text}”"
