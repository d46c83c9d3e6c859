"""The agents of this process, made from what the settings say: plain dictionaries in, agents out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from chat.agents.base import Agent
from chat.agents.scripted import ScriptedAgent

FIELDS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "title": (str,),
    "model": (str,),
    "system_prompt": (str,),
    "base_url": (str,),
    "api_key": (str,),
    "temperature": (int, float),
    "context_budget": (int,),
    "scripted": (bool,),
}
"""What an agent's dictionary may have; None counts as left out. `context_budget` is in characters."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AgentConfigError(ValueError):
    """The settings name an agent that cannot be made. The message is a sentence for whoever wrote them."""


def build_agents(configs: Sequence[Mapping[str, Any]]) -> dict[str, Agent]:
    """The agents by name, in the order of `configs`: the first is the default.

    Opens no connection. Raises `AgentConfigError`.
    """
    if not configs:
        raise AgentConfigError("There must be at least one agent.")
    agents: dict[str, Agent] = {}
    for config in configs:
        agent = _build(_checked(config))
        if agent.name in agents:
            raise AgentConfigError(f"Two agents have the name {agent.name!r}. Give each its own.")
        agents[agent.name] = agent
    return agents


async def close_agents(agents: Mapping[str, Agent]) -> None:
    """Close all connections, also those of the others when one fails to; then raises what failed."""
    results = await asyncio.gather(*(agent.aclose() for agent in agents.values()), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` without what is None, with every field known and of its type."""
    name = config.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise AgentConfigError(f"An agent's name is 1 to 64 letters, digits, - and _, but one is {name!r}.")
    if unknown := config.keys() - FIELDS.keys():
        raise AgentConfigError(
            f"The agent {name!r} has unknown fields: {', '.join(sorted(map(str, unknown)))}. "
            f"Known are: {', '.join(FIELDS)}."
        )
    given = {field: value for field, value in config.items() if value is not None}
    for field, value in given.items():
        # A bool is an int to Python, but no number to a person.
        if not isinstance(value, FIELDS[field]) or (isinstance(value, bool) and bool not in FIELDS[field]):
            expected = " or ".join(kind.__name__ for kind in FIELDS[field])
            raise AgentConfigError(f"The agent {name!r} has a {field} that is no {expected}: {value!r}.")
    return given


def _build(config: Mapping[str, Any]) -> Agent:
    name = config["name"]
    title = config.get("title") or name.replace("-", " ").replace("_", " ").capitalize()
    if config.get("scripted"):
        return ScriptedAgent(name=name, title=title)
    # The SDK is a fifth of what a process loads; without a model nothing of it is wanted.
    from chat.agents.openai_chat import CONTEXT_CHARS, OPENAI_URL, OpenAIChatAgent

    if not config.get("model"):
        raise AgentConfigError(f"The agent {name!r} needs a model: the name by which its server knows it.")
    base_url = config.get("base_url") or OPENAI_URL
    if not _is_address(base_url):
        raise AgentConfigError(
            f"The agent {name!r} has a base_url that is no address: {base_url!r}. "
            "It should look like http://127.0.0.1:8080/v1."
        )
    api_key = config.get("api_key") or ""
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        # Not shown: it is a secret, even when it is wrong.
        raise AgentConfigError(f"The agent {name!r} has an api_key with spaces, line ends or letters outside ASCII.")
    context_chars = config.get("context_budget", CONTEXT_CHARS)
    if context_chars < 1:
        raise AgentConfigError(f"The agent {name!r} has a context_budget of {context_chars}: it must be at least 1.")
    return OpenAIChatAgent(
        name=name,
        title=title,
        model=config["model"],
        system_prompt=config.get("system_prompt", ""),
        base_url=base_url,
        api_key=api_key,
        temperature=config.get("temperature"),
        context_chars=context_chars,
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
