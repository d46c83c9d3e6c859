"""Whose address counts."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from config.client import address_of, network_of


def test_without_a_trusted_proxy_its_header_is_ignored(rf: RequestFactory) -> None:
    assert address_of(rf.get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="198.51.100.7")) == "192.0.2.1"


def test_behind_a_trusted_proxy_the_last_address_counts(rf: RequestFactory, settings: Settings) -> None:
    settings.TRUST_PROXY = True
    request = rf.get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.7")
    assert address_of(request) == "198.51.100.7"


@pytest.mark.parametrize("written", ["unknown", "", "198.51.100.7:1234"])
def test_what_is_no_address_is_none(rf: RequestFactory, written: str) -> None:
    assert address_of(rf.get("/", REMOTE_ADDR=written)) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_counts_once(address: str, network: str) -> None:
    assert network_of(address) == network
