"""What several processes share in Redis beside the log: a channel layer that carries notes, and a cache for limits."""

from __future__ import annotations

from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry as BlockingRetry

CACHE_ANSWERS_WITHIN = 0.3
"""Seconds after which a cache that does not answer counts as gone: somebody waits for a page meanwhile."""


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


def redis_cache(url: str) -> dict[str, Any]:
    """The `CACHES` entry for the Redis server at `url`. What it raises when Redis is away is for the caller to decide
    on; it does so at once, without the tries that redis-py makes by itself.
    """
    options = {
        "socket_timeout": CACHE_ANSWERS_WITHIN,
        "socket_connect_timeout": CACHE_ANSWERS_WITHIN,
        "retry": BlockingRetry(NoBackoff(), 0),
    }
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "OPTIONS": options}
