"""Agents from settings: what is made, and what is said when they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from chat.agents.openai_chat import CONTEXT_CHARS, OpenAIChatAgent
from chat.agents.registry import AgentConfigError, build_agents, close_agents
from chat.agents.scripted import ScriptedAgent
from config.agents import agents_from
from tests.fakes.upstream import FakeUpstream
from tests.unit.agents.asking import ask


async def test_first_agent_is_the_first_of_the_settings() -> None:
    agents = build_agents([{"name": name, "scripted": True} for name in ("zoe", "adam", "mia")])
    assert list(agents) == ["zoe", "adam", "mia"]
    await close_agents(agents)


async def test_each_field_reaches_the_agent(upstream: FakeUpstream) -> None:
    config = {
        "name": "helper",
        "title": "The helper",
        "model": "m-1",
        "system_prompt": "Be kind.",
        "base_url": upstream.base_url,
        "api_key": "sk-7",
        "temperature": 0,
        "context_budget": 123,
        "scripted": False,
    }
    agents = build_agents([config])
    agent = agents["helper"]
    assert (agent.title, agent.context_chars, agent.writes_titles) == ("The helper", 123, True)
    assert (await ask(agent, "Hi")).finished is not None
    await close_agents(agents)
    (request,) = upstream.requests
    assert request.headers["Authorization"] == "Bearer sk-7"
    assert (request.body["model"], request.body["temperature"]) == ("m-1", 0)
    assert request.body["messages"][0] == {"role": "system", "content": "Be kind."}


async def test_what_is_left_out_or_none_has_a_default() -> None:
    config = {"name": "small-model", "model": "m", "title": None, "base_url": None, "api_key": None}
    agents = build_agents([config])
    agent = agents["small-model"]
    assert isinstance(agent, OpenAIChatAgent)
    assert (agent.title, agent.context_chars) == ("Small model", CONTEXT_CHARS)
    await close_agents(agents)


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({}, ScriptedAgent),
        ({"OPENAI_API_KEY": "sk-1"}, OpenAIChatAgent),
        ({"OPENAI_BASE_URL": "http://x/v1"}, OpenAIChatAgent),
    ],
)
async def test_what_the_settings_make_of_the_environment_can_be_built(environ: dict[str, str], kind: type) -> None:
    agents = build_agents(agents_from(environ))
    assert isinstance(agents["assistant"], kind)
    await close_agents(agents)


GOOD = {"name": "a", "model": "m"}


@pytest.mark.parametrize(
    ("configs", "says"),
    [
        ([], "at least one agent"),
        ([{"model": "m"}], "name is 1 to 64 letters"),
        ([GOOD | {"name": "two words"}], "'two words'"),
        ([GOOD | {"name": "a" * 65}], "1 to 64"),
        ([GOOD | {"name": "a\n"}], "1 to 64"),
        ([GOOD | {"name": 7}], "but one is 7"),
        ([GOOD, GOOD], "Two agents have the name 'a'"),
        ([{"name": "a"}], "'a' needs a model"),
        ([GOOD | {"colour": "red", 3: 4}], "unknown fields: 3, colour"),
        ([GOOD | {"temperature": "hot"}], "temperature that is no int or float: 'hot'"),
        ([GOOD | {"temperature": True}], "temperature"),
        ([GOOD | {"title": 3}], "title that is no str: 3"),
        ([GOOD | {"context_budget": 0}], "at least 1"),
        ([GOOD | {"base_url": "localhost:8080"}], "http://127.0.0.1:8080/v1"),
        ([GOOD | {"base_url": "ftp://x/"}], "no address"),
        ([GOOD | {"base_url": "http://"}], "no address"),
        ([GOOD | {"base_url": "http://x:99999/"}], "no address"),
        ([GOOD | {"base_url": "http://[::1/"}], "no address"),
    ],
)
def test_setting_that_is_wrong_is_named_in_a_sentence(configs: list[dict[Any, Any]], says: str) -> None:
    with pytest.raises(AgentConfigError) as caught:
        build_agents(configs)
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("key", ["sk-1\n", "sk 1", "ключ"])
def test_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(AgentConfigError, match="api_key") as caught:
        build_agents([GOOD | {"api_key": key}])
    assert key not in str(caught.value)


async def test_all_are_closed_even_when_one_fails_to() -> None:
    closed = []

    class Stubborn(ScriptedAgent):
        async def aclose(self) -> None:
            closed.append(self.name)
            raise RuntimeError(self.name)

    agents = {name: Stubborn(name=name, title=name) for name in ("a", "b")}
    with pytest.raises(RuntimeError):
        await close_agents(agents)
    assert closed == ["a", "b"]


async def test_agent_that_was_never_asked_closes() -> None:
    await close_agents(build_agents([GOOD]))
