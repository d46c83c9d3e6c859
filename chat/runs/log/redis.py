"""The run log in Redis, for several workers: a stream a run, whose entry ids are the seqs.

Beside each stream lies the run's token. Appends of all runs of a process go as one call of one script, which decides
run by run; reads are plain `XRANGE`. The stream expires two minutes after the run has ended, the token (150 bytes) only
a day after it was set: who was taken for dead before its first append, and wakes up when the stream has gone, must find
that the run is not its own.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from chat.protocol.codes import Unavailable
from chat.runs.log import Append, Appended

ANSWERS_WITHIN = 2.0
"""Seconds after which a server that does not answer counts as gone; the flusher then tries again."""
LIVE = 24 * 3600
"""Seconds for which a run's token is kept, and the log of one that never ends; longer than any run, and any sleep."""
TURNS = 16
"""Calls at once that are no appends, such as the looks at all runs that others own: what a client may have in
connections is limited, and an append must find one, whoever reads."""
ENDED = 120
"""Seconds for which an ended run's events are kept."""

# KEYS: stream and token key of each run. ARGV: seconds to live; then, as MessagePack, a list with each run's token, the
# last seq expected, and its events: one text is packed in C, arguments in Python (a tenth of a write's CPU). One answer
# a run.
_APPEND = """
local answers = {}
for index, append in ipairs(cmsgpack.unpack(ARGV[2])) do
  local stream, fence = KEYS[2 * index - 1], KEYS[2 * index]
  local token, after, events = append[1], append[2], append[3]
  local count = #events
  local owner = redis.call('GET', fence)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  local last = newest and tonumber(string.match(newest[1], '^%d+')) or 0
  if owner and owner ~= token then
    answers[#answers + 1] = 'refused'
  elseif last == after and (owner or after == 0) then
    if not owner then redis.call('SET', fence, token, 'EX', ARGV[1]) end
    for offset = 1, count do
      redis.call('XADD', stream, (after + offset) .. '-0', 'e', events[offset])
    end
    if after == 0 then redis.call('EXPIRE', stream, ARGV[1]) end
    answers[#answers + 1] = 'written'
  elseif last == after + count and owner then
    local there = redis.call('XRANGE', stream, (after + 1) .. '-0', '+')
    local same = #there == count
    for offset = 1, count do
      same = same and there[offset][2][2] == events[offset]
    end
    answers[#answers + 1] = same and 'written' or 'mismatch'
  else
    answers[#answers + 1] = 'mismatch'
  end
end
return answers
"""

# KEYS: stream, token key. ARGV: seconds to live, token, events.
_REPLACE = """
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[2] then return 'refused' end
redis.call('DEL', KEYS[1])
for offset = 3, #ARGV do
  redis.call('XADD', KEYS[1], (offset - 2) .. '-0', 'e', ARGV[offset])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[1])
return 'written'
"""

_pack = msgspec.msgpack.Encoder().encode


@functools.lru_cache(maxsize=4096)
def _keys(run: UUID) -> tuple[str, str]:
    return f"polylogue:run:{run}:events", f"polylogue:run:{run}:token"


@asynccontextmanager
async def _reporting() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable("The log of replies does not answer just now; try again in a moment.") from error


class RedisLog:
    """`RunLog` over Redis Streams."""

    def __init__(self, url: str) -> None:
        # No retries of the client's own: whoever calls tries again, and knows what that means.
        self._redis: Any = Redis.from_url(
            url, socket_timeout=ANSWERS_WITHIN, socket_connect_timeout=ANSWERS_WITHIN, retry=Retry(NoBackoff(), 0)
        )
        # As it comes: redis-py would make a dictionary of each entry, which takes three quarters of a long read.
        self._redis.set_response_callback("XRANGE", lambda response, **_: response)
        self._shas: dict[str, str] = {}
        self._turns = asyncio.Semaphore(TURNS)

    async def append(self, appends: Sequence[Append]) -> list[Appended]:
        keys = [key for append in appends for key in _keys(append.run)]
        # As texts: Redis reads no MessagePack binaries.
        batch = _pack(
            [(str(append.token), append.after, [event.decode() for event in append.events]) for append in appends]
        )
        answers: list[bytes] = await self._script(_APPEND, keys, [LIVE, batch])
        return [Appended(answer.decode()) for answer in answers]

    async def replace(self, run: UUID, token: UUID, events: Sequence[bytes]) -> Appended:
        async with self._in_turn():
            answer: bytes = await self._script(_REPLACE, [*_keys(run)], [LIVE, str(token), *events])
        return Appended(answer.decode())

    async def seal(self, run: UUID, token: UUID) -> None:
        async with self._in_turn():
            await self._redis.set(_keys(run)[1], str(token), ex=LIVE)

    async def read(self, run: UUID, after: int = 0) -> list[bytes]:
        async with self._in_turn():
            found = await self._redis.xrange(_keys(run)[0], min=f"{after + 1}-0")
        events: list[bytes] = []
        for expected, (entry_id, fields) in enumerate(found, after + 1):
            if entry_id != b"%d-0" % expected:
                break
            events.append(fields[1])
        return events

    async def expire(self, runs: Iterable[UUID]) -> None:
        async with self._in_turn(), self._redis.pipeline(transaction=False) as pipeline:
            for run in runs:
                pipeline.expire(_keys(run)[0], ENDED)
            await pipeline.execute()

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        async with _reporting():
            # Nobody waits for longer than for an answer.
            async with asyncio.timeout(ANSWERS_WITHIN):
                await self._turns.acquire()
            try:
                yield
            finally:
                self._turns.release()

    async def _script(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        async with _reporting():
            if script not in self._shas:
                self._shas[script] = await self._redis.script_load(script)
            try:
                return await self._redis.evalsha(self._shas[script], len(keys), *keys, *arguments)
            except NoScriptError:
                # The server was restarted, and has forgotten it.
                self._shas[script] = await self._redis.script_load(script)
                return await self._redis.evalsha(self._shas[script], len(keys), *keys, *arguments)
