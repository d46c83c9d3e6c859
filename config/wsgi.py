"""The WSGI application: pages, accounts, the admin and reading by HTTP. Sockets and runs need `config.asgi`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
