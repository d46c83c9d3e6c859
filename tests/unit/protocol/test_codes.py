"""The error tree."""

from __future__ import annotations

from chat.protocol.codes import ChatError, Close, Draining


def kinds(kind: type[ChatError] = ChatError) -> list[type[ChatError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in kinds(each))]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(codes) > 15
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert code.replace("_", "").isalpha()
        assert code == code.lower()


def test_every_error_says_a_sentence_and_has_an_http_status() -> None:
    for kind in kinds():
        message = kind().message
        assert message.endswith("."), kind
        assert " " in message
        assert "\n" not in message
        assert 400 <= kind.status < 600


def test_an_error_can_say_more_and_how_long_to_wait() -> None:
    problem = Draining("Later.", retry_after=1.5)
    assert (problem.message, problem.retry_after, str(problem)) == ("Later.", 1.5, "Later.")
    assert Draining().retry_after is None


def test_close_codes_are_those_that_daphne_can_send_and_differ() -> None:
    codes = [code for name, code in vars(Close).items() if name.isupper()]
    assert len(set(codes)) == len(codes) == 6
    assert all(3000 <= code <= 4999 for code in codes)
