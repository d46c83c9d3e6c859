"""The OpenAI lane: Chat Completions of OpenAI or of any server that speaks the same (`base_url`).

The official client carries the request (keys, headers, proxies, TLS) over its aiohttp transport. The response is read
as bytes by `completion`: building the client's typed chunks costs about three times as much per token as all of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import httpx2
import openai

from chat.agents import body, failures
from chat.agents.base import Turn, TurnMessage
from chat.agents.completion import CompletionReader
from chat.protocol.events import AnyEvent, RunFinished, clean

OPENAI_URL = "https://api.openai.com/v1"
CONNECTIONS = 4096
"""Streams at once. Left out, the transport would allow 100, and the next ones would wait without a word."""
RETRIES = 2
CONTEXT_CHARS = 48_000
"""Characters of earlier messages, where the settings name no number: some 12,000 tokens of English."""


CONTINUE = "Your last message was cut off. Continue it exactly where it ended; repeat nothing and add no introduction."


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take, in seconds."""

    connect: float = 10.0
    """Until it has taken the connection."""
    silence: float = 60.0
    """Until the first thing it sends, and between any two. A comment that keeps the connection alive counts."""
    longest_wait: float = 10.0
    """A Retry-After that is waited for; a longer one goes to whoever asked, who can do something else meanwhile."""
    retry_delay: float = 0.5
    """Before the first retry, where the server names no time; twice that before the second."""


PATIENCE = Patience()


class OpenAIChatAgent:
    """One model behind one base URL, with one system prompt.

    Its connections belong to the first event loop that runs it. `temperature` None leaves it to the server;
    `context_chars` is `Agent.context_chars`.
    """

    writes_titles = True

    def __init__(
        self,
        *,
        name: str,
        title: str,
        model: str,
        system_prompt: str = "",
        base_url: str = OPENAI_URL,
        api_key: str = "",
        temperature: float | None = None,
        context_chars: int = CONTEXT_CHARS,
        patience: Patience = PATIENCE,
    ) -> None:
        self.name = name
        self.title = title
        self.model = model
        self.context_chars = context_chars
        self._system_prompt = system_prompt
        self._options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
        self._patience = patience
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",  # Local servers want no key, but the client wants one.
            base_url=base_url,
            # Retries are ours: the client's would wait up to two minutes for a Retry-After, and would repeat a request
            # that was met with a minute of silence.
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=CONNECTIONS, keepalive_expiry=30.0),
                # `pool` is what the transport gives to the whole way to a connection, looking up the name included.
                timeout=httpx2.Timeout(None, connect=patience.connect, pool=patience.connect),
            ),
        )

    async def run(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
        """See `Agent.run`. Nothing is sent twice once the server has accepted the request."""
        reader = CompletionReader(turn)
        response = await self._request(turn)
        async with contextlib.aclosing(body.slices(response, self._patience.silence)) as slices:
            try:
                async for slice_ in slices:
                    await turn.give_way()
                    for event in reader.read(slice_):
                        yield event
                    if reader.over:
                        break
            except body.BrokenOffError as broken:
                reader.break_off(failures.silent(self._patience.silence) if broken.silent else None)
            for event in reader.end():
                yield event
            if reader.error is not None:
                reader.error.usage = reader.usage(self.model)
                raise reader.error
            await body.finish(slices)
        yield RunFinished(thread_id=turn.thread_id, run_id=turn.run_id, usage=reader.usage(self.model))

    async def aclose(self) -> None:
        await self._client.close()

    async def _request(self, turn: Turn) -> httpx2.Response:
        """The response whose head has come with a 2xx. Raises `AgentError` when retries do not help."""
        for attempt in range(RETRIES + 1):
            # Spread, so that runs refused together do not come back together.
            wait = self._patience.retry_delay * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311
            try:
                async with asyncio.timeout(self._patience.silence):
                    return await self._send(turn)
            except TimeoutError:
                raise failures.silent(self._patience.silence) from None
            except openai.APIStatusError as error:
                asked = failures.retry_after(error.response.headers)
                failure = failures.refused(error.status_code, error.body, retry_after=asked)
                again = (
                    failure.code in ("agent_busy", "agent_failed") or error.status_code == HTTPStatus.REQUEST_TIMEOUT
                )
                wait = wait if asked is None else asked
            except (openai.APIConnectionError, httpx2.HTTPError) as error:
                failure = failures.unreachable()
                again = not _timed_out(error)
            except aiohttp.ClientError as error:
                raise failures.not_http() from error
            if not again or attempt == RETRIES or wait > self._patience.longest_wait:
                raise failure
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, turn: Turn) -> httpx2.Response:
        system = [TurnMessage("system", self._system_prompt)] if self._system_prompt else []
        go_on = [TurnMessage("user", CONTINUE)] if turn.continues else []
        said = (*system, *turn.messages, *go_on)
        messages = [{"role": message.role, "content": clean(message.text)} for message in said]
        sending = self._client.chat.completions.with_streaming_response.create(
            model=self.model,
            # The client walks through `messages` by their types, 0.1 ms for each, while every stream of the process
            # waits; what stands in `extra_body` goes into the request as it is.
            messages=(),
            extra_body={"messages": messages},
            stream=True,
            stream_options={"include_usage": True},
            # What is not compressed need not pass through a decoder, and no proxy holds tokens back to fill a block.
            extra_headers={"Accept-Encoding": "identity"},
            **self._options,
        )
        response: httpx2.Response = (await sending.__aenter__()).http_response  # `body.slices` closes it.
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/json"):
            await response.aclose()
            raise failures.not_a_stream(kind)
        return response


def _timed_out(error: BaseException | None) -> bool:
    """Whether the time to connect was over.

    The client's own exceptions do not tell: its transport turns a refused and a reset connection into a time-out. The
    cause below them does.
    """
    while error is not None and not isinstance(error, aiohttp.ServerTimeoutError):
        error = error.__cause__
    return error is not None
