"""A model's server that fails in each way in which one does: the run ends as it should, what was said is kept, and the
message says what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests import TIMEOUT
from tests.fakes.upstream import Behaviour, FakeUpstream, directive, words
from tests.people import Person, new_person
from tests.server import ServerProcess
from tests.services import free_port
from tests.wire import Wire

PORT = free_port()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server whose model may or may not be there."""
    env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{PORT}/v1", "OPENAI_API_KEY": "key"}
    with ServerProcess(env=env) as process:
        yield process


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The model's server."""
    async with FakeUpstream(port=PORT) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def person(server: ServerProcess) -> Person:
    return new_person(server)


class Asked:
    """A chat in which one question was asked."""

    def __init__(self, person: Person, chat: str, sent: Any, wire: Wire) -> None:
        self.person = person
        self.chat = chat
        self.reply = sent["reply"]
        self.run = sent["run"]
        self.wire = wire

    async def ended(self) -> Any:
        """The reply by HTTP, once the socket says that it has ended."""

        def over() -> bool:
            changes = [f["change"] for f in self.wire.frames if f["type"] == "chat.changed" and f["chat"] == self.chat]
            return any(run["status"] != "running" for change in changes for run in change.get("runs", []))

        await self.wire.until(over)
        return await self.person.api("GET", f"chats/{self.chat}/messages/{self.reply}")


async def ask(person: Person, wire: Wire, **behaviour: Any) -> Asked:
    """Ask for a reply like this in a new chat."""
    chat = await person.new_chat()
    await wire.ask("chat.open", chat=chat)
    sent = await wire.ask("message.send", chat=chat, text=directive(**behaviour), client_id="m")
    return Asked(person, chat, sent, wire)


def said(message: Any) -> str:
    """The text of a reply."""
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


START = "".join(list(words(Behaviour()))[:3])
"""The three tokens before each fault."""

FAULTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "the connection is reset": ({"fault": "reset"}, "interrupted", "interrupted", START),
    "the stream ends without a finish_reason": (
        {"fault": "cut"},
        "interrupted",
        "interrupted",
        "".join(words(Behaviour())),
    ),
    "the reply reaches the length limit": (
        {"finish_reason": "length"},
        "interrupted",
        "interrupted",
        "".join(words(Behaviour())),
    ),
    "a chunk is no JSON": ({"fault": "malformed"}, "failed", "agent_garbled", START),
    "a line does not end": ({"fault": "endless_line"}, "failed", "agent_garbled", START),
    "an error comes in the stream": ({"fault": "error", "status": 500}, "interrupted", "interrupted", START),
    "nothing comes in the stream": ({"fault": "empty"}, "failed", "agent_unreachable", ""),
    "a page comes instead": ({"fault": "html"}, "failed", "agent_garbled", ""),
    "it does not speak HTTP": ({"fault": "no_http"}, "failed", "agent_garbled", ""),
    "too much to do": ({"status": 429, "retry_after": "60"}, "failed", "agent_busy", ""),
    "the key is wrong": ({"status": 401}, "failed", "agent_refused", ""),
    "it fails three times": ({"status": 500, "times": 3}, "failed", "agent_failed", ""),
}


@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(("behaviour", "status", "code", "kept"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_of_the_model_ends_the_run_with_what_was_said_and_a_sentence(
    person: Person, behaviour: dict[str, Any], status: str, code: str, kept: str
) -> None:
    async with Wire(person) as wire:
        message = await (await ask(person, wire, **behaviour)).ended()
    assert (message["status"], message["error"]["code"]) == (status, code)
    assert message["error"]["message"].endswith((".", "”."))
    if behaviour.get("fault") == "reset":
        # A reset takes with it what lies in the receiver's buffer.
        assert kept.startswith(said(message))
    else:
        assert said(message) == kept


async def test_a_model_that_is_not_there_is_named_in_a_sentence_and_the_chat_goes_on(person: Person) -> None:
    async with Wire(person) as wire:
        asked = await ask(person, wire, tokens=3)
        message = await asked.ended()
        assert (message["status"], message["error"]["code"]) == ("failed", "agent_unreachable")
        assert "OPENAI_BASE_URL" in message["error"]["message"]
        async with FakeUpstream(port=PORT):
            text = directive(tokens=3)
            again = await wire.ask("message.send", chat=asked.chat, text=text, client_id="again")
            answered = await Asked(person, asked.chat, again, wire).ended()
            while answered["status"] == "streaming":
                answered = await person.api("GET", f"chats/{asked.chat}/messages/{again['reply']}")
            assert said(answered) == "".join(words(Behaviour(tokens=3)))


async def test_a_model_that_fails_twice_and_then_answers_has_answered(person: Person, upstream: FakeUpstream) -> None:
    async with Wire(person) as wire:
        message = await (await ask(person, wire, status=500, times=2, tokens=4, seed=8)).ended()
    assert (message["status"], message["error"]) == ("complete", None)
    assert said(message) == "".join(words(Behaviour(tokens=4, seed=8)))
    assert len(upstream.requests) >= 3


async def test_a_model_that_is_slow_to_begin_is_waited_for(person: Person, upstream: FakeUpstream) -> None:
    async with Wire(person) as wire:
        message = await (await ask(person, wire, headers_after=1, tokens=2)).ended()
    assert message["status"] == "complete"


async def test_a_token_of_a_megabyte_reaches_everyone_in_frames_that_fit(
    person: Person, upstream: FakeUpstream
) -> None:
    async with Wire(person) as wire:
        message = await (await ask(person, wire, big=1_000_000, tokens=2)).ended()
        assert wire.largest < 512 * 1024
    assert message["status"] == "complete"
    assert said(message) == "x" * 1_000_000 + "".join(words(Behaviour(tokens=2)))


async def test_what_a_model_thinks_comes_as_reasoning(person: Person, upstream: FakeUpstream) -> None:
    async with Wire(person) as wire:
        message = await (await ask(person, wire, reasoning=3, tokens=2)).ended()
    assert [part["type"] for part in message["parts"]] == ["reasoning", "text"]
    assert message["parts"][0]["text"] == "thought0 thought1 thought2 "


async def test_nul_and_lone_surrogates_of_a_model_are_repaired(person: Person, upstream: FakeUpstream) -> None:
    async with Wire(person) as wire:
        message = await (await ask(person, wire, text="a\x00b\ud800c")).ended()
    assert message["status"] == "complete"
    assert said(message) == "ab\ufffdc"


def heard(wire: Wire) -> str:
    """All deltas that came, in however many frames."""
    events = [event for frame in wire.frames if frame["type"] == "run.events" for event in frame["events"]]
    return "".join(event.get("delta", "") for event in events)


@pytest.mark.parametrize(
    "behaviour", [{"fault": "stall", "after": 3}, {"headers_after": 60}], ids=["talks", "is silent"]
)
async def test_stop_closes_the_connection_to_a_model_that(
    person: Person, upstream: FakeUpstream, behaviour: dict[str, Any]
) -> None:
    async with Wire(person) as wire:
        asked = await ask(person, wire, **behaviour)
        async with asyncio.timeout(TIMEOUT):
            while not upstream.requests or ("after" in behaviour and upstream.requests[0].sent < 3):  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.01)
        if "after" in behaviour:
            await wire.until(lambda: START.strip() in heard(wire) or None)
        await wire.ask("run.stop", run=asked.run)
        message = await asked.ended()
        assert message["status"] == "stopped"
        assert said(message) == (START if "after" in behaviour else "")
        async with asyncio.timeout(TIMEOUT):
            assert (await upstream.ended())[0].ended == "left"


def test_nothing_of_all_this_was_a_surprise_to_the_server(server: ServerProcess) -> None:
    assert "Traceback" not in server.log
