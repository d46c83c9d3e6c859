"""Which agents the environment asks for."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.agents import DEFAULT_MODEL, agents_from


def test_without_anything_the_one_agent_is_scripted() -> None:
    (agent,) = agents_from({})
    assert (agent["name"], agent["scripted"]) == ("assistant", True)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_key_or_an_address_alone_makes_it_a_real_one(name: str) -> None:
    (agent,) = agents_from({name: "http://127.0.0.1:1/v1"})
    assert not agent["scripted"]
    assert agent["model"] == DEFAULT_MODEL


def test_what_an_agent_leaves_out_comes_from_the_shared_variables() -> None:
    written = '[{"name": "a"}, {"name": "b", "model": "own", "base_url": "http://127.0.0.1:2/v1", "temperature": 0.2}]'
    first, second = agents_from({"AGENTS": written, "OPENAI_API_KEY": "key", "OPENAI_MODEL": "shared"})
    assert (first["model"], first["base_url"], first["api_key"]) == ("shared", None, "key")
    assert (second["model"], second["base_url"], second["temperature"]) == ("own", "http://127.0.0.1:2/v1", 0.2)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("[", "not valid JSON"),
        ("{}", "a JSON list"),
        ("[]", "a JSON list"),
        ("[1]", "a JSON list"),
    ],
)
def test_a_mistake_in_agents_is_said_in_a_sentence(written: str, sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        agents_from({"AGENTS": written})
