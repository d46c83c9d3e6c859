"""What people are told when a model's server fails."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chat.agents import failures

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert failures.retry_after(headers, now=NOON) == seconds


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (400, "agent_refused", "temperature must be below 2"),
        (401, "agent_refused", "OPENAI_API_KEY"),
        (403, "agent_refused", "OPENAI_API_KEY"),
        (404, "agent_refused", "OPENAI_MODEL"),
        (413, "agent_refused", "too long"),
        (418, "agent_refused", "418"),
        (429, "agent_busy", "Try again in a moment"),
        (499, "agent_refused", "499"),
        (500, "agent_failed", "500"),
        (503, "agent_busy", "Try again"),
        (529, "agent_busy", "Try again"),
    ],
)
def test_each_status_has_its_code_and_says_what_to_do(status: int, code: str, says: str) -> None:
    error = failures.refused(status, {"message": "temperature must be below 2"})
    assert error.code == code
    assert says in error.message


def test_body_of_a_401_is_not_shown_since_it_may_quote_the_key() -> None:
    assert "sk-" not in failures.refused(401, {"message": "Incorrect API key provided: sk-abc"}).message


def test_used_up_credit_is_no_reason_to_try_again() -> None:
    error = failures.refused(429, {"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}})
    assert error.code == "agent_refused"
    assert "credit" in error.message


def test_busy_server_that_names_a_time_passes_it_on() -> None:
    error = failures.refused(429, None, retry_after=41.2)
    assert error.retry_after == 41.2
    assert "in 42 seconds" in error.message


@pytest.mark.parametrize("body", [None, "no JSON", [], {"error": "text"}, {"message": 7}, {"message": " \n"}])
def test_body_of_any_form_gives_a_sentence(body: object) -> None:
    assert failures.refused(400, body).message == "The model's server refused the request (400)."


def test_long_words_of_a_server_are_cut_and_put_on_one_line() -> None:
    message = failures.refused(400, {"message": "no\n" * 1000}).message
    assert len(message) < 320
    assert "\n" not in message
