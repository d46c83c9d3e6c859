"""The OpenAI lane against a server on a real socket that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from chat.agents.base import TurnMessage
from chat.agents.openai_chat import CONNECTIONS, OpenAIChatAgent, Patience
from chat.protocol.events import TextMessageContent, TokenUsage
from tests import TIMEOUT
from tests.fakes.upstream import HEARTBEAT, Behaviour, FakeUpstream, Request, directive, words
from tests.unit.agents.asking import IMPATIENT, ask, openai_agent, turn

THREE = "".join(list(words(Behaviour()))[:3])
"""What a fault after three tokens leaves."""


async def only_request(upstream: FakeUpstream) -> Request:
    async with asyncio.timeout(TIMEOUT):
        (request,) = await upstream.ended()
    assert len(upstream.requests) == 1
    return request


# --- What is asked ---------------------------------------------------------------------------------------------------


async def test_system_prompt_comes_first_and_the_messages_follow_in_order(upstream: FakeUpstream) -> None:
    agent = openai_agent(upstream.base_url, system_prompt="Be kind.", temperature=0.2, model="small", api_key="sk-1")
    before = [TurnMessage("user", "Hi"), TurnMessage("assistant", "Hello"), TurnMessage("system", "Now be brief.")]
    async for _ in agent.run(turn("Who are you?", before=before)):
        pass
    await agent.aclose()
    request = await only_request(upstream)
    assert request.body == {
        "model": "small",
        "temperature": 0.2,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "system", "content": "Now be brief."},
            {"role": "user", "content": "Who are you?"},
        ],
    }
    assert request.headers["Authorization"] == "Bearer sk-1"


async def test_without_prompt_and_temperature_the_server_decides(
    upstream: FakeUpstream, agent: OpenAIChatAgent
) -> None:
    await ask(agent, "Hi")
    body = (await only_request(upstream)).body
    assert "temperature" not in body
    assert body["messages"] == [{"role": "user", "content": "Hi"}]


# --- What comes back -------------------------------------------------------------------------------------------------


async def test_reply_is_the_text_with_its_usage(agent: OpenAIChatAgent) -> None:
    reply = await ask(agent, directive(tokens=50))
    assert reply.text == "".join(words(Behaviour(tokens=50)))
    assert reply.finished is not None
    assert reply.finished.usage == [
        TokenUsage(
            model="fake-1",
            input_tokens=11,
            output_tokens=50,
            total_tokens=61,
            cached_input_tokens=4,
            reasoning_tokens=0,
        )
    ]


async def test_what_comes_is_read_when_nobody_goes_before_it(agent: OpenAIChatAgent, upstream: FakeUpstream) -> None:
    came, go = asyncio.Event(), asyncio.Event()

    async def give_way() -> None:
        came.set()
        await go.wait()

    said: list[str] = []

    async def read() -> None:
        async for event in agent.run(turn(directive(text="Hello"), give_way=give_way)):
            said.extend([event.delta] if isinstance(event, TextMessageContent) else [])

    reading = asyncio.create_task(read())
    async with asyncio.timeout(TIMEOUT):
        await came.wait()
        await upstream.ended()
        assert said == []
        go.set()
        await reading
    assert "".join(said) == "Hello"


@pytest.mark.parametrize("split", [1, 2, 3, 7])
async def test_text_survives_any_slicing_by_the_network(agent: OpenAIChatAgent, split: int) -> None:
    reply = await ask(agent, directive(text="Grüße aus 東京 🙂!", split=split, crlf=True, comments=True))
    assert reply.text == "Grüße aus 東京 🙂!"
    assert reply.finished is not None


async def test_nul_and_lone_surrogates_arrive_as_sent(agent: OpenAIChatAgent) -> None:
    assert (await ask(agent, directive(text="a\x00b\ud800c"))).text == "a\x00b\ud800c"


async def test_one_event_of_a_megabyte_is_read(agent: OpenAIChatAgent) -> None:
    reply = await ask(agent, directive(big=1_000_000, tokens=1))
    assert len(reply.text) > 1_000_000
    assert reply.finished is not None


async def test_reasoning_and_tool_calls_arrive_as_parts(agent: OpenAIChatAgent) -> None:
    reply = await ask(agent, directive(reasoning=3, tool_calls=2, tokens=2, finish_reason="tool_calls"))
    assert reply.reasoning == "thought0 thought1 thought2 "
    assert reply.arguments == 2 * '{"query": "über"}'
    assert reply.finished is not None


async def test_tokens_of_one_network_read_come_without_a_turn_of_the_loop(agent: OpenAIChatAgent) -> None:
    events = agent.run(turn(directive(reasoning=2, tokens=2, burst=1000)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counter = asyncio.create_task(count())
    waits = [turns async for _ in events]
    counter.cancel()
    # Reasoning start, content and end, text start and content: what one read holds comes at one count.
    assert len(waits) - len(set(waits)) >= 2


@pytest.mark.parametrize("tokens", [1, 2, 3])
async def test_token_is_there_before_the_next_one_is_made(agent: OpenAIChatAgent, tokens: int) -> None:
    said = ""
    async with (
        asyncio.timeout(TIMEOUT),
        contextlib.aclosing(agent.run(turn(directive(fault="stall", after=tokens)))) as reply,
    ):
        while len(said.split()) < tokens:
            event = await anext(reply)
            said += event.delta if isinstance(event, TextMessageContent) else ""


@pytest.mark.parametrize("linger", [0, 0.02])
async def test_connection_serves_one_run_after_another(
    upstream: FakeUpstream, agent: OpenAIChatAgent, linger: float
) -> None:
    for _ in range(3):
        await ask(agent, directive(linger=linger))
    assert len({request.port for request in upstream.requests}) == 1


async def test_more_streams_than_the_transport_allows_by_itself_run_at_once(
    upstream: FakeUpstream, agent: OpenAIChatAgent
) -> None:
    assert CONNECTIONS >= 1000
    streams = [agent.run(turn(directive(fault="stall", after=1))) for _ in range(120)]
    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(*(anext(stream) for stream in streams))
        assert len({request.port for request in upstream.requests}) == 120
        await asyncio.gather(*(stream.aclose() for stream in streams))


async def test_server_that_stays_after_done_delays_the_end_little(
    upstream: FakeUpstream, agent: OpenAIChatAgent
) -> None:
    async with asyncio.timeout(TIMEOUT):
        reply = await ask(agent, directive(linger=1000))
    assert reply.finished is not None
    assert (await only_request(upstream)).ended == "left"


async def test_server_that_goes_silent_after_finish_reason_has_answered(impatient: OpenAIChatAgent) -> None:
    reply = await ask(impatient, directive(done=False, usage=False, linger=1000))
    assert (reply.code, reply.finished is not None) == (None, True)


async def test_reply_at_the_length_limit_is_interrupted_with_its_text_and_its_usage(agent: OpenAIChatAgent) -> None:
    reply = await ask(agent, directive(tokens=5, finish_reason="length"))
    assert (reply.text, reply.code) == ("".join(words(Behaviour(tokens=5))), "interrupted")
    assert reply.error is not None
    assert [usage.output_tokens for usage in reply.error.usage or []] == [5]


@pytest.mark.parametrize("done", [True, False])
async def test_reply_without_usage_finishes_without_it(agent: OpenAIChatAgent, done: bool) -> None:
    reply = await ask(agent, directive(usage=False, done=done))
    assert reply.finished is not None
    assert reply.finished.usage is None


# --- Stopping --------------------------------------------------------------------------------------------------------


async def test_closing_the_generator_closes_the_stream(upstream: FakeUpstream, agent: OpenAIChatAgent) -> None:
    events = agent.run(turn(directive(tokens=100_000, rate=100)))
    await anext(events)
    await events.aclose()
    request = await only_request(upstream)
    assert request.ended == "left"
    assert request.sent < 100


@pytest.mark.parametrize("behaviour", [{"fault": "stall", "after": 0}, {"headers_after": 1000}])
async def test_cancelling_who_waits_for_a_token_closes_the_stream(
    upstream: FakeUpstream, agent: OpenAIChatAgent, behaviour: dict[str, object]
) -> None:
    waiting = asyncio.create_task(ask(agent, directive(**behaviour)))
    async with asyncio.timeout(TIMEOUT):
        await upstream.asked()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await only_request(upstream)).ended == "left"


# --- What goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("reset", "interrupted"),
        ("cut", "interrupted"),
        ("malformed", "agent_garbled"),
        ("endless_line", "agent_garbled"),
        ("error", "interrupted"),
    ],
)
async def test_fault_in_the_middle_keeps_what_was_said_and_is_not_retried(
    upstream: FakeUpstream, agent: OpenAIChatAgent, fault: str, code: str
) -> None:
    reply = await ask(agent, directive(tokens=3, fault=fault))
    assert (reply.text, reply.code, reply.finished) == (THREE, code, None)
    await only_request(upstream)


# Of a bad chunk only the silence is seen: the transport closes the connection and tells nobody.
@pytest.mark.parametrize("fault", ["stall", "bad_chunk"])
async def test_silence_in_the_middle_keeps_what_was_said_and_is_not_retried(
    upstream: FakeUpstream, impatient: OpenAIChatAgent, fault: str
) -> None:
    reply = await ask(impatient, directive(tokens=3, fault=fault))
    assert (reply.text, reply.code, reply.finished) == (THREE, "agent_timeout", None)
    assert (await only_request(upstream)).ended == "left"


async def test_silence_before_the_answer_is_not_retried(upstream: FakeUpstream, impatient: OpenAIChatAgent) -> None:
    reply = await ask(impatient, directive(headers_after=1000))
    assert (reply.events, reply.code) == ([], "agent_timeout")
    assert (await only_request(upstream)).ended == "left"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ({"fault": "html"}, "agent_garbled"),
        ({"fault": "json"}, "agent_garbled"),
        ({"fault": "nonsense"}, "agent_garbled"),
        ({"fault": "no_http"}, "agent_garbled"),
        ({"fault": "empty"}, "agent_unreachable"),
        ({"fault": "error", "after": 0, "status": 429}, "agent_busy"),
        ({"status": 400}, "agent_refused"),
        ({"status": 401}, "agent_refused"),
        ({"status": 404}, "agent_refused"),
        ({"status": 422}, "agent_refused"),
        ({"status": 429, "retry_after": "7"}, "agent_busy"),
    ],
)
async def test_fault_before_the_first_token_that_a_retry_would_not_mend_is_told_at_once(
    upstream: FakeUpstream, agent: OpenAIChatAgent, behaviour: dict[str, object], code: str
) -> None:
    reply = await ask(agent, directive(**behaviour))
    assert (reply.events, reply.code) == ([], code)
    await only_request(upstream)


async def test_long_retry_after_is_handed_on(agent: OpenAIChatAgent) -> None:
    reply = await ask(agent, directive(status=429, retry_after="7"))
    assert reply.error is not None
    assert reply.error.retry_after == 7


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_server_that_recovers_after_two_failures_answers(
    upstream: FakeUpstream, agent: OpenAIChatAgent, status: int
) -> None:
    reply = await ask(agent, directive(status=status, times=2))
    assert reply.finished is not None
    assert len(upstream.requests) == 3


@pytest.mark.parametrize(("status", "code"), [(429, "agent_busy"), (503, "agent_busy"), (500, "agent_failed")])
async def test_server_that_does_not_recover_is_asked_three_times(
    upstream: FakeUpstream, agent: OpenAIChatAgent, status: int, code: str
) -> None:
    assert (await ask(agent, directive(status=status))).code == code
    assert len(upstream.requests) == 3


async def test_short_retry_after_is_waited_for(agent: OpenAIChatAgent) -> None:
    start = time.monotonic()
    reply = await ask(agent, directive(status=429, times=1, retry_after="0.2"))
    assert reply.finished is not None
    assert time.monotonic() - start >= 0.2


async def test_refused_connection_is_an_unreachable_server(unused_port: int) -> None:
    agent = openai_agent(f"http://127.0.0.1:{unused_port}/v1")
    assert (await ask(agent, "Hi")).code == "agent_unreachable"
    await agent.aclose()


async def test_server_that_comes_up_during_the_retries_answers(unused_port: int) -> None:
    agent = openai_agent(f"http://127.0.0.1:{unused_port}/v1", patience=Patience(retry_delay=0.3))
    asking = asyncio.create_task(ask(agent, "Hi"))
    async with FakeUpstream(port=unused_port):
        assert (await asking).finished is not None
    await agent.aclose()


async def test_name_that_is_nobody_s_is_an_unreachable_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody)
    agent = openai_agent("http://model.invalid/v1")
    assert (await ask(agent, "Hi")).code == "agent_unreachable"
    await agent.aclose()


async def test_server_that_takes_no_connection_is_unreachable_after_the_connect_time(full_port: int) -> None:
    agent = openai_agent(f"http://127.0.0.1:{full_port}/v1", patience=Patience(connect=0.2, retry_delay=1000))
    start = time.monotonic()
    assert (await ask(agent, "Hi")).code == "agent_unreachable"
    assert 0.2 <= time.monotonic() - start < TIMEOUT
    await agent.aclose()


async def test_server_that_resets_before_answering_is_asked_again(resetting_port: tuple[int, list[int]]) -> None:
    port, connections = resetting_port
    agent = openai_agent(f"http://127.0.0.1:{port}/v1")
    assert (await ask(agent, "Hi")).code == "agent_unreachable"
    assert len(connections) == 3
    await agent.aclose()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
TOKEN = b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n'
STOP = b'data: {"choices":[{"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    "response",
    [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(TOKEN), TOKEN),
        HEAD + b"Content-Length: 1000\r\n\r\n" + TOKEN,
        HEAD + b"Connection: close\r\n\r\n" + TOKEN,
    ],
    ids=["no last chunk", "short of its length", "no length"],
)
async def test_body_that_ends_too_early_is_interrupted(response: bytes) -> None:
    async with raw_server(response) as base_url:
        agent = openai_agent(base_url)
        reply = await ask(agent, "Hi")
        await agent.aclose()
    assert (reply.text, reply.code) == ("half", "interrupted")


async def test_body_without_length_that_is_complete_finishes() -> None:
    async with raw_server(HEAD + b"Connection: close\r\n\r\n" + TOKEN + STOP) as base_url:
        agent = openai_agent(base_url)
        reply = await ask(agent, "Hi")
        await agent.aclose()
    assert (reply.text, reply.finished is not None) == ("half", True)


async def test_proxy_that_compresses_all_the_same_is_read() -> None:
    body = gzip.compress(TOKEN + STOP)
    async with raw_server(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    ) as base_url:
        agent = openai_agent(base_url)
        reply = await ask(agent, "Hi")
        await agent.aclose()
    assert (reply.text, reply.finished is not None) == ("half", True)


async def test_silence_is_measured_between_tokens_not_over_the_reply(impatient: OpenAIChatAgent) -> None:
    seconds = IMPATIENT.silence * 2
    reply = await ask(impatient, directive(tokens=20, rate=20 / seconds))
    assert reply.finished is not None


async def test_comments_count_as_life(impatient: OpenAIChatAgent) -> None:
    heartbeats = round(IMPATIENT.silence * 2 / HEARTBEAT)
    assert (await ask(impatient, directive(heartbeats=heartbeats))).finished is not None


async def test_failed_run_leaves_the_next_one_unharmed(agent: OpenAIChatAgent) -> None:
    for fault in ("reset", "cut", "malformed", "error", "empty", "html", "no_http"):
        await ask(agent, directive(fault=fault))
        assert (await ask(agent, "Hi")).finished is not None


async def test_many_runs_share_one_agent_without_mixing(agent: OpenAIChatAgent) -> None:
    async def one(seed: int) -> None:
        reply = await ask(agent, directive(seed=seed, tokens=30, split=50), run=f"run-{seed}")
        assert reply.text == "".join(words(Behaviour(seed=seed, tokens=30)))
        ids = {event.message_id for event in reply.events if isinstance(event, TextMessageContent)}
        assert ids == {f"run-{seed}.1"}

    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(*(one(seed) for seed in range(10)))


async def test_lone_surrogate_in_a_message_is_sent_as_the_character_for_unknown(
    upstream: FakeUpstream, agent: OpenAIChatAgent
) -> None:
    assert (await ask(agent, "half \ud83d a smile")).finished is not None
    assert (await only_request(upstream)).body["messages"][0]["content"] == "half \ufffd a smile"


# --- Ports that misbehave below HTTP ---------------------------------------------------------------------------------


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that further ones are neither taken nor refused."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextlib.asynccontextmanager
async def raw_server(response: bytes) -> AsyncIterator[str]:
    """A server that answers every request with these bytes and closes; gives its base URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(response)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.fixture
async def resetting_port() -> AsyncIterator[tuple[int, list[int]]]:
    """A port that closes each connection once the request is there, and what it counted."""
    connections: list[int] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], connections
