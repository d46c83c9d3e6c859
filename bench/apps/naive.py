"""The naive consumer: what tutorials write. Each token goes through the channel layer to the one who asked.

OPENAI_BASE_URL=… REDIS_URL=… daphne bench.apps.naive:application
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from uuid import uuid4

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="of a process that keeps nothing",  # noqa: S106  # it signs nothing
    ALLOWED_HOSTS=["127.0.0.1"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  # needs the settings
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402
from openai import AsyncOpenAI  # noqa: E402

client = AsyncOpenAI(api_key="none")


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # of a package without types
    """One chat on one socket."""

    async def connect(self) -> None:
        self.group = f"chat_{uuid4().hex}"
        self.tasks: set[asyncio.Task[None]] = set()
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        # In a task: awaited here, it would keep this consumer from sending anything until the reply is whole.
        task = asyncio.create_task(self.answer(text_data or ""))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, question: str) -> None:
        stream = await client.chat.completions.create(
            model="bench", messages=[{"role": "user", "content": question}], stream=True
        )
        async for chunk in stream:
            if chunk.choices and (text := chunk.choices[0].delta.content):
                await self.channel_layer.group_send(self.group, {"type": "chat.token", "text": text})
        await self.channel_layer.group_send(self.group, {"type": "chat.end"})

    async def chat_token(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"text": event["text"]}))

    async def chat_end(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"end": True}))


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws/", ChatConsumer.as_asgi())])})
