"""Who is asking, by network address."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The client's address, or an empty text where there is none that can be trusted (a Unix socket).

    Behind a trusted proxy it is the last one of X-Forwarded-For, the only one that the proxy itself wrote.
    """
    written = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR")):
        written = forwarded.rsplit(",", 1)[-1]
    try:
        return str(ipaddress.ip_address(written.strip()))
    except ValueError:
        return ""


def network_of(address: str) -> str:
    """What limits by address count as one client: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    if not address:
        return ""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
