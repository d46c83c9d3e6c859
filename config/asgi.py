"""The ASGI application: HTTP to Django, sockets to the consumers, and the runtime's life around both."""

from __future__ import annotations

import os
from typing import Any

from asgiref.typing import ASGIReceiveCallable
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_asgi_application()

# These need the apps to be loaded.
from chat.routing import websocket_urlpatterns  # noqa: E402
from chat.runtime import runtime  # noqa: E402
from config.lifespan import Lifespan  # noqa: E402
from config.origin import OriginCheck  # noqa: E402
from config.sockets import KnownPaths  # noqa: E402


async def pages(scope: dict[str, Any], receive: ASGIReceiveCallable, send: Any) -> None:
    """Django, for somebody who waits."""
    with runtime.precedence.asking():
        await django(scope, receive, send)


application = Lifespan(
    ProtocolTypeRouter(
        {
            "http": pages,
            # Only cookies are read here. Who they belong to, the consumer asks in its own threads: the published
            # middleware would ask in the one thread that all sockets share.
            "websocket": KnownPaths(
                websocket_urlpatterns, OriginCheck(CookieMiddleware(URLRouter(websocket_urlpatterns)))
            ),
        }
    )
)
