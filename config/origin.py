"""Which web pages may open a socket here: a browser sends cookies along from any page, so the Origin has to protect."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from django.conf import settings
from django.http.request import split_domain_port, validate_host

logger = logging.getLogger(__name__)

DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
"""Scheme, host in lower case (IPv6 in brackets), port."""


class OriginCheck:
    """Refuses a handshake with a 403, before it is accepted, unless the page that asks is ours or trusted."""

    def __init__(self, application: ASGI3Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "websocket"  # noqa: S101  # said by the router
        headers = single_headers(scope["headers"])
        secure = scope.get("scheme") == "wss"
        if settings.TRUST_PROXY and "x-forwarded-proto" in headers:
            secure = headers["x-forwarded-proto"] == "https"
        if may_connect(
            headers,
            secure=secure,
            allowed_hosts=settings.ALLOWED_HOSTS,
            trusted_origins=settings.CSRF_TRUSTED_ORIGINS,
        ):
            await self.application(scope, receive, send)
            return
        logger.info("Refused a socket from the origin %r.", headers.get("origin", ""))
        await refuse(receive, send)


async def refuse(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer a handshake with a 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1000, "reason": None})


def single_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name. One sent twice has its values joined by a comma, as some servers do before us."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def may_connect(
    headers: Mapping[str, str], *, secure: bool, allowed_hosts: list[str], trusted_origins: list[str]
) -> bool:
    """Whether a handshake with these `headers` may go on; `secure` says that the browser came by HTTPS.

    Without an Origin only a Bearer token passes: what is no browser has no cookies that a page could borrow.
    """
    if "origin" not in headers:
        return headers.get("authorization", "").lower().startswith("bearer ")
    scheme = "https" if secure else "http"
    # A page that made its own name point here (DNS rebinding) agrees with its Host header, so that must be ours.
    domain, _ = split_domain_port(headers.get("host", ""))
    if not domain or not validate_host(domain, allowed_hosts):
        return False
    origin = parse_origin(headers["origin"])
    if origin is None:
        return False
    own = parse_origin(f"{scheme}://{headers['host']}")
    return origin == own or any(_matches(origin, pattern) for pattern in trusted_origins)


def parse_origin(text: str) -> Origin | None:
    """`scheme://host[:port]` with the scheme's port filled in, or None for anything else (`null` too)."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or port == 0:
        return None
    if "@" in parts.netloc or parts.path or parts.query or parts.fragment or text != text.strip() or text[-1] in "?#":
        return None
    if not all("!" <= character <= "~" and character not in ",\\" for character in parts.netloc):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts.scheme, host, port or DEFAULT_PORTS[parts.scheme]


def _matches(origin: Origin, pattern: str) -> bool:
    """Whether `origin` is what `CSRF_TRUSTED_ORIGINS` calls `pattern`, where `*.` stands for any subdomain."""
    scheme, host, port = origin
    if "://*." not in pattern:
        return parse_origin(pattern) == origin
    base = parse_origin(pattern.replace("://*.", "://", 1))
    return base is not None and (scheme, port) == (base[0], base[2]) and host.endswith(f".{base[1]}")
