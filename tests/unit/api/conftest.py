"""A worker behind the API, and someone who calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from chat.api import auth, chats, messages
from chat.runtime import Runtime
from tests.agents import Speaker, Waiting
from tests.caller import Caller
from tests.chats import new_user
from tests.worker import worker


@pytest.fixture
def speech() -> Waiting:
    """What the agent says: a first word, and a last one when it may."""
    return Waiting("First ", after="and last.")


@pytest.fixture
async def runtime(transactional_db: None, speech: Waiting, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """The process that serves the API."""
    async with worker(Speaker(speech)) as started:
        for module in (auth, chats, messages):
            monkeypatch.setattr(module, "runtime", started)
        yield started
        # Of the thread in which Django runs what is not async.
        await sync_to_async(connections.close_all)()


@pytest.fixture
def user(transactional_db: None) -> UUID:
    return new_user()


@pytest.fixture
async def caller(user: UUID, runtime: Runtime) -> Caller:
    """Someone who is signed in."""
    return await Caller().sign_in(user)
