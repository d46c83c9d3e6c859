"""What a browser is told to refuse: the Content-Security-Policy of each kind of page, and the other security headers.

Django's own middleware sends `Referrer-Policy`, `Cross-Origin-Opener-Policy`, `X-Content-Type-Options` and HSTS.
"""

from __future__ import annotations

from typing import Any

from csp.constants import NONCE, NONE, SELF, STRICT_DYNAMIC, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],  # the socket too
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
"""Of everything; pages that need more say so at their view."""

PAGE = {
    # Only what the server wrote into the page runs, and what that imports.
    "script-src": [NONCE, STRICT_DYNAMIC],
    "frame-src": [SELF],  # diagrams
    "style-src-attr": [UNSAFE_INLINE],  # KaTeX places the parts of a formula by `style` attributes
}
"""The page of chats: what it has otherwise than `POLICY`."""

DIAGRAM = {
    "default-src": [NONE],
    "script-src": [NONCE],
    "style-src": [SELF, UNSAFE_INLINE],  # Mermaid's drawings carry their styles
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-scripts"],  # an origin of its own, also where it is opened without the frame
}
"""The page inside a diagram's frame: it draws, and can neither load nor send anything."""

API_PAGE = {"img-src": ["data:"], "style-src-attr": [UNSAFE_INLINE]}
"""What the page that shows the HTTP API needs more than `POLICY`: Swagger's icons and measures."""

HEADERS = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeadersMiddleware(CSPMiddleware):
    """The policy and `HEADERS` on every answer, files and errors too, under both kinds of server."""

    # The published one goes through a thread twice for each request under ASGI; nothing in here waits for anything.
    async def __acall__(self, request: HttpRequest) -> Any:
        self.process_request(request)
        return self.process_response(request, await self.get_response(request))  # type: ignore[misc]  # it is async

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return super().process_response(request, response)
