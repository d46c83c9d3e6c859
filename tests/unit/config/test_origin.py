"""Which pages may open a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.origin import may_connect, parse_origin, single_headers

HOSTS = ["chat.example", "127.0.0.1", "[::1]"]
TRUSTED = ["https://app.example", "https://*.wide.example", "http://port.example:8080"]


def allowed(host: str, origin: str | None, *, secure: bool = False, **more: str) -> bool:
    headers = {"host": host, **more} | ({} if origin is None else {"origin": origin})
    return may_connect(headers, secure=secure, allowed_hosts=HOSTS, trusted_origins=TRUSTED)


@pytest.mark.parametrize(
    ("host", "origin", "secure"),
    [
        ("chat.example", "http://chat.example", False),
        ("chat.example", "https://chat.example", True),
        ("chat.example:80", "http://chat.example", False),
        ("chat.example", "http://chat.example:80", False),
        ("chat.example", "https://chat.example:443", True),
        ("chat.example:8000", "http://chat.example:8000", False),
        ("CHAT.example", "http://chat.EXAMPLE", False),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", False),
        ("[::1]:8000", "http://[::1]:8000", False),
        ("chat.example", "https://app.example", False),
        ("chat.example", "https://app.example:443", True),
        ("chat.example", "https://one.wide.example", False),
        ("chat.example", "https://one.two.wide.example", False),
        ("chat.example", "http://port.example:8080", False),
    ],
)
def test_own_and_trusted_pages_may(host: str, origin: str, secure: bool) -> None:
    assert allowed(host, origin, secure=secure)


@pytest.mark.parametrize(
    ("host", "origin", "secure"),
    [
        ("chat.example", "http://evil.example", False),
        ("chat.example", "http://chat.example.evil.example", False),
        ("chat.example", "http://evilchat.example", False),
        ("chat.example", "https://chat.example", False),  # another scheme
        ("chat.example", "http://chat.example", True),
        ("chat.example", "http://chat.example:8000", False),  # another port
        ("chat.example:8000", "http://chat.example", False),
        ("evil.example", "http://evil.example", False),  # DNS rebinding: agrees with itself, but is not us
        ("chat.example", "https://wide.example", False),  # the pattern is for subdomains
        ("chat.example", "https://evilwide.example", False),
        ("chat.example", "http://one.wide.example", False),
        ("chat.example", "http://port.example", False),
        ("chat.example", "null", False),
        ("chat.example", "", False),
        ("chat.example", "chat.example", False),
        ("chat.example", "//chat.example", False),
        ("chat.example", "http://", False),
        ("chat.example", "http://chat.example/", False),
        ("chat.example", "http://chat.example/page", False),
        ("chat.example", "http://chat.example?", False),
        ("chat.example", "http://chat.example#", False),
        ("chat.example", "http://me@chat.example", False),
        ("chat.example", "http://chat.example:port", False),
        ("chat.example", "http://chat.example:0", False),
        ("chat.example", "http://chat.example:99999", False),
        ("chat.example", "http://[::1", False),
        ("chat.example", " http://chat.example", False),
        ("chat.example", "http://chat.example,http://evil.example", False),
        ("chat.example", "http://chat.example\\.evil.example", False),
        ("chat.example", "http://chät.example", False),
        ("chat.example", "file://chat.example", False),
        ("chat.example,evil.example", "http://chat.example", False),
        ("", "http://chat.example", False),
    ],
)
def test_others_and_malformed_ones_may_not(host: str, origin: str, secure: bool) -> None:
    assert not allowed(host, origin, secure=secure)


def test_without_an_origin_only_a_bearer_token_passes() -> None:
    assert not allowed("chat.example", None)
    assert not allowed("chat.example", None, authorization="Basic abc")
    assert allowed("chat.example", None, authorization="Bearer abc")


def test_a_bearer_token_does_not_excuse_a_foreign_origin() -> None:
    assert not allowed("chat.example", "http://evil.example", authorization="Bearer abc")


def test_a_header_sent_twice_is_no_origin_at_all() -> None:
    headers = single_headers(
        [(b"Host", b"chat.example"), (b"Origin", b"http://chat.example"), (b"origin", b"http://chat.example")]
    )
    assert not may_connect(headers, secure=False, allowed_hosts=HOSTS, trusted_origins=TRUSTED)


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parse_origin(text)
    parse_origin("http://" + text)
    allowed(text, "http://" + text)


@given(st.lists(st.tuples(st.binary(), st.binary())))
def test_no_bytes_in_headers_raise(headers: list[tuple[bytes, bytes]]) -> None:
    may_connect(
        single_headers([(b"origin", b"http://chat.example"), *headers]),
        secure=False,
        allowed_hosts=HOSTS,
        trusted_origins=TRUSTED,
    )
