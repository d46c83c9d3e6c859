"""/api/chats: the list, and each chat."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import Meta
from ninja import Query, Router

from chat import selectors
from chat.api.answers import answer, documented, read
from chat.database import in_database
from chat.protocol.codes import InvalidCommand
from chat.protocol.commands import AgentName, ClientId
from chat.protocol.objects import ChatObject, UserObject
from chat.runtime import runtime
from chat.services import chats

router = Router(tags=["chats"])


class AuthedRequest(HttpRequest):
    """A request that `SessionCookie` has let in."""

    auth: UserObject


class NewChat(msgspec.Struct, forbid_unknown_fields=True):
    client_id: ClientId
    title: Annotated[str, Meta(max_length=200)] | None = None
    agent: AgentName | None = None


class ChatEdit(msgspec.Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(max_length=200)] | None = None
    archived: bool | None = None
    pinned: bool | None = None


class ChatPage(msgspec.Struct):
    chats: list[ChatObject]
    next: int | None
    """`before` of the next page; null on the last."""


async def _chat(request: AuthedRequest, chat: UUID) -> ChatObject:
    return await in_database(selectors.chat_for, user_id=request.auth.id, chat_id=chat)


@router.get("", openapi_extra=documented(answers={200: ChatPage}))
async def list_chats(
    request: AuthedRequest,
    *,
    archived: bool = False,
    pinned: Annotated[bool, Query(description="Only pinned ones")] = False,
    q: Annotated[str, Query(max_length=200, description="Only those whose title holds this, in any case")] = "",
    before: Annotated[int | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = selectors.PAGE,
) -> HttpResponse:
    """The person's chats, the one with the newest message first."""
    if "\x00" in q:
        raise InvalidCommand("A title may not hold the character NUL (U+0000). Remove it and try again.")
    page, cursor = await in_database(
        selectors.chat_page,
        user_id=request.auth.id,
        archived=archived,
        pinned=pinned,
        title=q,
        before=before,
        limit=limit,
    )
    return answer(ChatPage(chats=page, next=cursor))


@router.post("", openapi_extra=documented(body=NewChat, answers={200: ChatObject}))
async def create_chat(request: AuthedRequest) -> HttpResponse:
    """Make a chat. The same `client_id` again gets the same chat."""
    wanted = read(request, NewChat)
    agent = runtime.agent_name(wanted.agent)
    chat_id = await in_database(
        chats.create_chat, user_id=request.auth.id, client_id=wanted.client_id, agent=agent, title=wanted.title
    )
    return answer(await _chat(request, chat_id))


@router.get("/{uuid:chat}", openapi_extra=documented(answers={200: ChatObject}))
async def get_chat(request: AuthedRequest, chat: UUID) -> HttpResponse:
    """One chat."""
    return answer(await _chat(request, chat))


@router.patch("/{uuid:chat}", openapi_extra=documented(body=ChatEdit, answers={200: ChatObject}))
async def edit_chat(request: AuthedRequest, chat: UUID) -> HttpResponse:
    """Rename a chat, put it away or take it back, pin it or not."""
    edit = read(request, ChatEdit)
    await in_database(
        chats.edit_chat,
        user_id=request.auth.id,
        chat_id=chat,
        title=edit.title,
        archived=edit.archived,
        pinned=edit.pinned,
    )
    return answer(await _chat(request, chat))


@router.delete("/{uuid:chat}", openapi_extra=documented(answers={204: None}))
async def delete_chat(request: AuthedRequest, chat: UUID) -> HttpResponse:
    """Delete a chat; its runs stop. It can be restored for a day."""
    await in_database(chats.delete_chat, user_id=request.auth.id, chat_id=chat)
    return HttpResponse(status=204)


@router.post("/{uuid:chat}/restore", openapi_extra=documented(answers={200: ChatObject}))
async def restore_chat(request: AuthedRequest, chat: UUID) -> HttpResponse:
    """Undo a deletion."""
    await in_database(chats.restore_chat, user_id=request.auth.id, chat_id=chat)
    return answer(await _chat(request, chat))
