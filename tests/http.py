"""The smallest HTTP client that tests need: no redirects followed, no error raised for a status."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests import TIMEOUT


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response. Header names are in lower case; of a repeated header the values are joined by line ends."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = TIMEOUT,
) -> Answer:
    """Ask for `url` and read everything; raises `OSError` where nobody listens or nothing comes for so many seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, body=body or None, headers=dict(headers or {}))
        response = connection.getresponse()
        joined: dict[str, str] = {}
        for name, value in response.getheaders():
            joined[name.lower()] = f"{joined[name.lower()]}\n{value}" if name.lower() in joined else value
        return Answer(response.status, joined, response.read())
    finally:
        connection.close()


def cookies_of(answer: Answer) -> str:
    """The Cookie header that a browser would send after `answer`."""
    return "; ".join(line.split(";", 1)[0] for line in answer.headers.get("set-cookie", "").splitlines())
