"""Which agents there are, from the environment: plain dictionaries, so that settings import no agent code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

DEFAULT_MODEL = "gpt-5-mini"

FIELDS = frozenset(
    {"name", "title", "model", "system_prompt", "base_url", "api_key", "temperature", "context_budget", "scripted"}
)


def agents_from(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """The agents that `environ` asks for, the default one first; never empty.

    `AGENTS` is a JSON list of objects with a `name` and any other of `FIELDS`; what one leaves out of `model`,
    `base_url` and `api_key` comes from `OPENAI_MODEL`, `OPENAI_BASE_URL` and `OPENAI_API_KEY`. Without `AGENTS` there
    is one agent, "assistant". An agent with neither a key nor an address would have nobody to ask, so it is the
    scripted one.

    Raises `ImproperlyConfigured` with a sentence that says what is wrong with `AGENTS`.
    """
    shared = {
        "model": environ.get("OPENAI_MODEL") or DEFAULT_MODEL,
        "base_url": environ.get("OPENAI_BASE_URL") or None,
        "api_key": environ.get("OPENAI_API_KEY") or None,
    }
    written = environ.get("AGENTS") or '[{"name": "assistant", "title": "Assistant"}]'
    agents = [{**shared, **agent} for agent in _checked(written)]
    for agent in agents:
        agent.setdefault("scripted", not (agent["base_url"] or agent["api_key"]))
    return agents


def _checked(written: str) -> list[dict[str, Any]]:
    try:
        agents = json.loads(written)
    except ValueError as error:
        raise ImproperlyConfigured(f"AGENTS is not valid JSON: {error}.") from None
    if not isinstance(agents, list) or not agents or not all(isinstance(agent, dict) for agent in agents):
        raise ImproperlyConfigured("AGENTS must be a JSON list of at least one object.")
    for agent in agents:
        if not isinstance(agent.get("name"), str) or not agent["name"]:
            raise ImproperlyConfigured("Every object in AGENTS needs a name.")
        if unknown := agent.keys() - FIELDS:
            raise ImproperlyConfigured(
                f"The agent {agent['name']!r} in AGENTS has unknown fields: {', '.join(sorted(unknown))}. "
                f"Known are: {', '.join(sorted(FIELDS))}."
            )
    names = [agent["name"] for agent in agents]
    if len(set(names)) < len(names):
        raise ImproperlyConfigured("Two objects in AGENTS have the same name.")
    return agents
