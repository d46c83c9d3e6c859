"""/api/chats/{chat}/messages and /api/runs: older pages, whole messages, long messages, stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpResponse
from ninja import Query, Router

from chat import selectors
from chat.api.answers import answer, documented, read
from chat.api.chats import AuthedRequest
from chat.database import in_database
from chat.protocol.commands import AgentName, ClientId
from chat.protocol.objects import MessageObject
from chat.protocol.transcript import merged
from chat.runtime import runtime
from chat.services import messages
from chat.services.messages import Asking, Posted
from chat.services.runs import request_stop

router = Router(tags=["messages"])


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    """At most 1 MiB of UTF-8."""
    client_id: ClientId
    agent: AgentName | None = None


class NewReply(msgspec.Struct, forbid_unknown_fields=True):
    client_id: ClientId
    agent: AgentName | None = None


class MessagePage(msgspec.Struct):
    messages: list[MessageObject]
    """Oldest first."""
    earlier: bool
    """There are older ones: ask with `before` the position of the first."""


class PostedIds(msgspec.Struct):
    message: UUID
    reply: UUID
    run: UUID


async def _whole(message: MessageObject) -> MessageObject:
    """A reply that is being written, with what it has so far."""
    if message.status != "streaming" or message.run is None:
        return message
    earlier = message.parts if message.parts is not msgspec.UNSET else []
    return msgspec.structs.replace(message, parts=merged(earlier, await runtime.live_parts(message.run)))


@router.get("/chats/{uuid:chat}/messages", openapi_extra=documented(answers={200: MessagePage}))
async def list_messages(
    request: AuthedRequest,
    chat: UUID,
    before: Annotated[int | None, Query(description="A position: older messages than that")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = selectors.PAGE,
) -> HttpResponse:
    """A page of messages, the newest without `before`. Pages are also cut by size; very long messages are `clipped`."""
    page, earlier = await in_database(
        selectors.message_page, user_id=request.auth.id, chat_id=chat, before=before, limit=limit
    )
    return answer(MessagePage(messages=[await _whole(message) for message in page], earlier=earlier))


@router.get("/chats/{uuid:chat}/messages/{uuid:message}", openapi_extra=documented(answers={200: MessageObject}))
async def get_message(request: AuthedRequest, chat: UUID, message: UUID) -> HttpResponse:
    """One message, never clipped."""
    found = await in_database(selectors.message_for, user_id=request.auth.id, chat_id=chat, message_id=message)
    return answer(await _whole(found))


async def _ask(
    request: AuthedRequest, chat: UUID, question: Callable[[Asking], Posted], wanted: NewMessage | NewReply
) -> HttpResponse:
    posted = await runtime.running_supervisor().ask(
        question, user_id=request.auth.id, chat_id=chat, client_id=wanted.client_id, agent=wanted.agent
    )
    return answer(PostedIds(posted.message, posted.reply, posted.run))


@router.post("/chats/{uuid:chat}/messages", openapi_extra=documented(body=NewMessage, answers={200: PostedIds}))
async def send_message(request: AuthedRequest, chat: UUID) -> HttpResponse:
    """Post a message and start its answer, as `message.send` does; the same `client_id` again gets the same ids."""
    wanted = read(request, NewMessage)
    return await _ask(request, chat, partial(messages.post_message, text=wanted.text), wanted)


_ONE = "/chats/{uuid:chat}/messages/{uuid:message}"


@router.post(_ONE + "/edit", openapi_extra=documented(body=NewMessage, answers={200: PostedIds}))
async def edit_message(request: AuthedRequest, chat: UUID, message: UUID) -> HttpResponse:
    """Say something else instead of an own message, as `message.edit` does."""
    wanted = read(request, NewMessage)
    question = partial(messages.edit_message, message_id=message, text=wanted.text)
    return await _ask(request, chat, question, wanted)


@router.post(_ONE + "/retry", openapi_extra=documented(body=NewReply, answers={200: PostedIds}))
async def retry_reply(request: AuthedRequest, chat: UUID, message: UUID) -> HttpResponse:
    """Ask for another reply beside this one, as `message.retry` does."""
    return await _ask(request, chat, partial(messages.retry_reply, message_id=message), read(request, NewReply))


@router.post(_ONE + "/continue", openapi_extra=documented(body=NewReply, answers={200: PostedIds}))
async def continue_reply(request: AuthedRequest, chat: UUID, message: UUID) -> HttpResponse:
    """Let the last reply go on where it was stopped or broke off, as `message.continue` does."""
    return await _ask(request, chat, partial(messages.continue_reply, message_id=message), read(request, NewReply))


@router.post(_ONE + "/choose", openapi_extra=documented(answers={204: None}))
async def choose_branch(request: AuthedRequest, chat: UUID, message: UUID) -> HttpResponse:
    """Show this one of a message's siblings, and what followed it."""
    await in_database(messages.choose_branch, user_id=request.auth.id, chat_id=chat, message_id=message)
    return HttpResponse(status=204)


@router.post("/runs/{uuid:run}/stop", openapi_extra=documented(answers={204: None}))
async def stop_run(request: AuthedRequest, run: UUID) -> HttpResponse:
    """Stop a run; what it has said stays. Recorded also for a run that has ended."""
    await in_database(request_stop, user_id=request.auth.id, run_id=run)
    return HttpResponse(status=204)
