"""The HTTP API under `/api/`: the same services and the same objects as the socket. Its page is at `/api/docs`."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from chat.api import chats, messages
from chat.api.answers import Problem, answer, components, documented, refuse
from chat.api.auth import SessionCookie
from chat.api.chats import AuthedRequest
from chat.protocol.codes import ChatError
from chat.protocol.objects import UserObject
from config.security import API_PAGE


class API(NinjaAPI):
    """Ninja with the wire's own types in its schema."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        """The OpenAPI document, with the schemas that `documented` refers to."""
        schema = super().get_openapi_schema(**kwargs)
        schema["components"]["schemas"].update(components())
        return schema


api = API(
    title="Polylogue",
    version="1",
    description="Chats, messages and runs. Ids are UUIDs, times ISO 8601 in UTC. Tokens stream over `/ws/`.",
    auth=SessionCookie(),
    docs_decorator=csp_update(API_PAGE),
)
api.add_router("/chats", chats.router)
api.add_router("", messages.router)


@api.get("/me", tags=["people"], openapi_extra=documented(answers={200: UserObject}))
async def me(request: AuthedRequest) -> HttpResponse:
    """Who is signed in; 401 when nobody is."""
    return answer(request.auth)


@api.exception_handler(ChatError)
def refused(request: HttpRequest, problem: ChatError) -> HttpResponse:
    """A service said no."""
    return refuse(problem)


@api.exception_handler(AuthenticationError)
def signed_out(request: HttpRequest, problem: AuthenticationError) -> HttpResponse:
    """Nobody is signed in."""
    return answer(Problem("signed_out", "Sign in first; this session has ended or never began."), 401)


@api.exception_handler(ValidationError)
def misunderstood(request: HttpRequest, problem: ValidationError) -> HttpResponse:
    """A query parameter is wrong."""
    said = "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in problem.errors)
    return answer(Problem("invalid_request", f"This request is not understood: {said}."), 400)
