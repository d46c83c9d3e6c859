"""Which agents there are, from the environment: plain dictionaries, so that settings import no agent code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

DEFAULT_MODEL = "gpt-5-mini"


def agents_from(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """The agents that `environ` asks for, the default one first; never empty.

    `AGENTS` is a JSON list of objects; what one leaves out of `model`, `base_url` and `api_key` comes from
    `OPENAI_MODEL`, `OPENAI_BASE_URL` and `OPENAI_API_KEY`. Without `AGENTS` there is one agent, "assistant". An agent
    with neither a key nor an address would have nobody to ask, so it is the scripted one. What the fields may hold is
    checked where agents are made of them (`chat.agents.registry`).

    Raises `ImproperlyConfigured` with a sentence when `AGENTS` is no such list.
    """
    shared = {
        "model": environ.get("OPENAI_MODEL") or DEFAULT_MODEL,
        "base_url": environ.get("OPENAI_BASE_URL") or None,
        "api_key": environ.get("OPENAI_API_KEY") or None,
    }
    written = environ.get("AGENTS") or '[{"name": "assistant", "title": "Assistant"}]'
    agents = [{**shared, **agent} for agent in _parsed(written)]
    for agent in agents:
        agent.setdefault("scripted", not (agent["base_url"] or agent["api_key"]))
    return agents


def _parsed(written: str) -> list[dict[str, Any]]:
    try:
        agents = json.loads(written)
    except ValueError as error:
        raise ImproperlyConfigured(f"AGENTS is not valid JSON: {error}.") from None
    if not isinstance(agents, list) or not agents or not all(isinstance(agent, dict) for agent in agents):
        raise ImproperlyConfigured("AGENTS must be a JSON list of at least one object.")
    return agents
