"""/api/chats/{chat}/messages and /api/runs: older pages, whole messages, long messages, stop."""

from __future__ import annotations

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
from chat.runtime import runtime
from chat.services.runs import request_stop

router = Router(tags=["messages"])


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    """At most 1 MiB of UTF-8."""
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
    return msgspec.structs.replace(message, parts=await runtime.live_parts(message.run))


@router.get("/chats/{uuid:chat}/messages", openapi_extra=documented(answers={200: MessagePage}))
async def list_messages(
    request: AuthedRequest,
    chat: UUID,
    before: Annotated[int | None, Query(description="A position: older messages than that")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = selectors.PAGE,
) -> HttpResponse:
    """A page of messages, the newest without `before`. Pages are also cut by size; very long messages are `clipped`."""
    messages, earlier = await in_database(
        selectors.message_page, user_id=request.auth.id, chat_id=chat, before=before, limit=limit
    )
    return answer(MessagePage(messages=[await _whole(message) for message in messages], earlier=earlier))


@router.get("/chats/{uuid:chat}/messages/{uuid:message}", openapi_extra=documented(answers={200: MessageObject}))
async def get_message(request: AuthedRequest, chat: UUID, message: UUID) -> HttpResponse:
    """One message, never clipped."""
    found = await in_database(selectors.message_for, user_id=request.auth.id, chat_id=chat, message_id=message)
    return answer(await _whole(found))


@router.post("/chats/{uuid:chat}/messages", openapi_extra=documented(body=NewMessage, answers={200: PostedIds}))
async def send_message(request: AuthedRequest, chat: UUID) -> HttpResponse:
    """Post a message and start its answer, as `message.send` does; the same `client_id` again gets the same ids."""
    wanted = read(request, NewMessage)
    posted = await runtime.running_supervisor().post(
        user_id=request.auth.id, chat_id=chat, text=wanted.text, client_id=wanted.client_id, agent=wanted.agent
    )
    return answer(PostedIds(posted.message, posted.reply, posted.run))


@router.post("/runs/{uuid:run}/stop", openapi_extra=documented(answers={204: None}))
async def stop_run(request: AuthedRequest, run: UUID) -> HttpResponse:
    """Stop a run; what it has said stays. Recorded also for a run that has ended."""
    await in_database(request_stop, user_id=request.auth.id, run_id=run)
    return HttpResponse(status=204)
