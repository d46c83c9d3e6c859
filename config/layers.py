"""The channel layer for several processes. It only carries notes that say "look again"."""

from __future__ import annotations

from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError


def redis_channel_layer(url: str) -> dict[str, Any]:
    """The `CHANNEL_LAYERS` entry for the Redis server at `url`.

    The pub/sub layer: the core one drops messages past 100 a process in silence and, with redis-py 8, loses idle
    sockets to its own time-out. Without the retries a restart of Redis would leave every subscription deaf; twenty of
    them, from 50 ms to 1 s apart, cover an outage of about 17 s, after which the hub's own looks take over.
    """
    host = {
        "address": url,
        "retry": Retry(ExponentialBackoff(cap=1.0, base=0.05), 20),
        "retry_on_error": [RedisConnectionError, RedisTimeoutError, OSError],
    }
    return {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [host]}}
