"""A chat's title, asked of the agent that answers in it. The smallest models ramble, so the answer is not trusted."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from contextlib import aclosing

from chat.agents.base import Agent, AgentError, Turn, TurnMessage
from chat.protocol.events import RunFinished, TextMessageContent

TIME_LIMIT = 20.0
"""Seconds. A title that takes longer is not worth its place in the model's queue."""
MAX_TITLE = 60
"""Characters."""
_EXCERPT = 600
"""Characters of a message that the model is shown: enough to see what it is about."""
_ENOUGH = 200
"""Characters of an answer after which no title will come any more."""
_MOST_WORDS = 10
"""An answer with more is a sentence about the chat, not its title. Six were asked for; a few more still read well."""

_EXAMPLES = (
    ("how do i boil an egg so that it stays soft?", "Boiling a Soft Egg"),
    ("Why is the sky blue?", "Why the Sky Is Blue"),
    ("Write a function that sorts a list of names", "Function to Sort Names"),
    ("tell me something about whales", "Facts About Whales"),
)
"""A model of 135 million parameters answers or praises the message when it is only told to name it; with four examples
before it, it names it."""

_LABEL = re.compile(r"^(?:chat |conversation )?(?:title|topic|subject)\s*[:\-\u2013\u2014]\s*", re.IGNORECASE)
_MARKS = "*_`#~> \t"
_QUOTES = "\"'\u2018\u2019\u201a\u201c\u201d\u201e«»"
_ENDS = ".,;:!-\u2013\u2014…\u3002\uff01 "
_SHORTEST_WORD = 3
_CJK = "\u2e80"


async def write_title(
    agent: Agent, turn_messages: Sequence[TurnMessage], *, time_limit: float = TIME_LIMIT
) -> str | None:
    """A title of at most 60 characters for a chat that begins with `turn_messages`.

    It is made of the first message that says something: of "Hi" no title would be taken, so the model is not asked.
    None where there is no such message, the agent fails, takes longer than `time_limit` seconds, or says nothing that
    can be a title: then the first words of the chat are the better one. Stops the model as soon as its title is there.
    """
    excerpts = (message.text[:_EXCERPT] for message in turn_messages if message.role == "user")
    asked = next(filter(_stems, excerpts), None)
    if asked is None:
        return None
    turn = Turn(thread_id="title", run_id=f"title-{uuid.uuid4()}", messages=_question(asked))
    try:
        async with asyncio.timeout(time_limit):
            title = title_from(await _answer(agent, turn))
    except (AgentError, TimeoutError):
        return None
    # What shares no word with the message was invented, or leaked from the examples.
    return title if title and _stems(title) & _stems(asked) else None


def title_from(answer: str) -> str | None:
    """The title in what a model answered, without quotes, Markdown, labels and a final stop; None if there is none."""
    for line in answer.splitlines():
        text = _LABEL.sub("", line.strip(_MARKS)).strip(_MARKS + _QUOTES)
        # "Here is a title:" announces it; the next line has it.
        if text.endswith(":") or not any(letter.isalnum() for letter in text):
            continue
        text = " ".join(text.rstrip(_ENDS).strip(_MARKS + _QUOTES).rstrip(_ENDS).split())
        if len(text.split()) > _MOST_WORDS:
            return None
        return _shortened(text)
    return None


def _question(asked: str) -> list[TurnMessage]:
    def ask(text: str) -> TurnMessage:
        return TurnMessage("user", f"Give this a title of at most six words, in its own language:\n\n{text}")

    examples = [message for text, title in _EXAMPLES for message in (ask(text), TurnMessage("assistant", title))]
    return [*examples, ask(asked)]


async def _answer(agent: Agent, turn: Turn) -> str:
    """The answer up to the end of its first line that holds a title, or as much as is worth reading."""
    text = ""
    async with aclosing(agent.run(turn)) as events:
        async for event in events:
            if isinstance(event, RunFinished):
                break
            if isinstance(event, TextMessageContent):
                text += event.delta
                whole_lines, newline, _ = text.rpartition("\n")
                if len(text) > _ENOUGH or (newline and title_from(whole_lines)):
                    break
    return text


def _stems(text: str) -> set[str]:
    """The beginnings of the words; of writing without spaces, every two characters."""
    words = re.findall(r"\w+", text.casefold())
    stems = {word[:4] for word in words if len(word) >= _SHORTEST_WORD}
    return stems | {word[i : i + 2] for word in words if max(word) >= _CJK for i in range(len(word) - 1)}


def _shortened(text: str) -> str:
    """`text` cut to `MAX_TITLE` characters, between two words where there are any."""
    if len(text) <= MAX_TITLE:
        return text
    cut = text[: MAX_TITLE - 1]
    if " " in cut:
        cut = cut.rpartition(" ")[0]
    return f"{cut.rstrip(_ENDS)}…"
