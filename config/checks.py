"""What `manage.py check --deploy` looks at besides what Django does: settings that only a deployment misses."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  # Django's own name

from config.environment import words


@register(Tags.security, deploy=True)
def the_name_is_set(**_: Any) -> list[CheckMessage]:
    """Without one only this machine's names are answered; Django's own check wants any name, and these are some."""
    if words("ALLOWED_HOSTS"):
        return []
    return [
        Warning(
            "ALLOWED_HOSTS is not set, so requests are answered under the names of this machine alone.",
            hint="Set it to the name in the browser's address bar.",
            id="polylogue.W001",
        )
    ]


@register(Tags.security, deploy=True)
def https_gets_through(**_: Any) -> list[CheckMessage]:
    """`manage.py serve` speaks plain HTTP, and takes the proxy's word for what was HTTPS only where it is trusted."""
    if settings.TRUST_PROXY or not settings.HTTPS:
        return []
    return [
        Warning(
            "HTTPS is on and TRUST_PROXY is off, so behind a proxy that ends TLS each request is redirected for ever.",
            hint="Set TRUST_PROXY=on, if the proxy sets X-Forwarded-Proto and X-Forwarded-For and is the only way in.",
            id="polylogue.W002",
        )
    ]
