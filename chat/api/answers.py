"""Bodies in and out of the API, by the wire's own types: what a socket says, HTTP says the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from chat.protocol.codes import ChatError, InvalidCommand, InvalidJson, TextTooLong
from chat.protocol.commands import MAX_QUOTED, has_nul
from chat.protocol.frames import encode_object

T = TypeVar("T", bound=msgspec.Struct)

_REF = "#/components/schemas/{name}"
_components: dict[str, Any] = {}


class Problem(msgspec.Struct, omit_defaults=True):
    """Why not. `code` is for programs, `message` says to a person what to do."""

    code: str
    message: str
    retry_after: float | None = None
    """Seconds; also in the Retry-After header."""


def answer(value: object, status: int = 200) -> HttpResponse:
    """A JSON answer. It is personal, so nobody in between may keep it."""
    return HttpResponse(
        encode_object(value), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def refuse(problem: ChatError) -> HttpResponse:
    """The answer that says why not, with the problem's own status."""
    response = answer(Problem(problem.code, problem.message, problem.retry_after), problem.status)
    if problem.retry_after is not None:
        response["Retry-After"] = str(max(1, round(problem.retry_after)))
    return response


def read(request: HttpRequest, kind: type[T]) -> T:
    """The request's body as `kind`, a struct. Raises `InvalidJson`, `InvalidCommand` (which field), `TextTooLong`."""
    try:
        body = msgspec.json.decode(request.body, type=kind)
    except RequestDataTooBig:
        raise TextTooLong("This request is too large. A message may have 1 MiB.") from None
    except msgspec.ValidationError as error:
        raise InvalidCommand(f"This request is not understood: {str(error)[:MAX_QUOTED]}.") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidJson("The body must be one JSON object in UTF-8, without NaN or lone surrogates.") from error
    if has_nul(body):
        raise InvalidCommand("A text may not hold the character NUL (U+0000). Remove it and send again.")
    return body


def components() -> Mapping[str, Any]:
    """The schemas of all types that `documented` has named so far, for OpenAPI."""
    return _components


def documented(*, body: type | None = None, answers: Mapping[int, type | None]) -> dict[str, Any]:
    """What OpenAPI should say of an operation: its body, its answers by status (None: no content), and `Problem`."""
    kinds = [kind for kind in (body, Problem, *answers.values()) if kind is not None]
    schemas, found = msgspec.json.schema_components(kinds, ref_template=_REF)
    _components.update(found)
    named = dict(zip(kinds, schemas, strict=True))
    responses: dict[Any, Any] = {
        status: {"description": "Done.", **_content(named[kind])} if kind is not None else {"description": "Done."}
        for status, kind in answers.items()
    }
    responses["4XX"] = {"description": "Refused; the body says why.", **_content(named[Problem])}
    extra: dict[str, Any] = {"responses": responses}
    if body is not None:
        extra["requestBody"] = {"required": True, **_content(named[body])}
    return extra


def _content(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
