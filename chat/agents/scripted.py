"""An agent without a model: it says that there is none and how to get one, and does in tests what a test commands.

A message `/script {json}` commands the reply; fields are those of `Script`. A few:

    /script {"words": 1000, "delay": 0.001}                     word1 word2 ... word1000, a millisecond apart
    /script {"text": "<script>alert(1)</script>"}               this text
    /script {"words": 9, "fail": {"code": "agent_busy", "message": "Too much to do.", "after": 3}}
    /script {"words": 9, "hang_after": 3}                       three words, then silence until it is stopped
    /script {"words": 9, "end_early_after": 3}                  three words, then an end that is none: interrupted
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from chat.agents.base import AgentError, Turn
from chat.protocol.events import (
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageEnd,
    ReasoningMessageStart,
    RunFinished,
    TextMessageContent,
    TextMessageEnd,
    TextMessageStart,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallResult,
    ToolCallStart,
)

COMMAND = "/script"
CONTINUED = " …and this is where it goes on, to its end."
MARKDOWN = """\
# A heading

Some **bold**, some *italic*, some `code` and [a link](https://example.org/).

1. first
2. second
   - nested

| name | value |
|------|-------|
| a    | 1     |

```python
def hello() -> str:
    return "hello"
```

> A quotation, to end with.
"""
_WORD = re.compile(r"\s*\S{1,64}\s*|\s+")
_QUOTED = 80

_Count = Annotated[int, Meta(ge=0, le=100_000)]


class Failure(msgspec.Struct, forbid_unknown_fields=True):
    """An `AgentError` after so many words."""

    code: str
    message: str
    after: _Count = 0
    retry_after: float | None = None


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """What a reply does, in this order: reasoning, a tool call, then text; the first of the faults ends it."""

    words: _Count | None = None
    """Answer with so many numbered words."""
    text: str | None = None
    """Answer with this."""
    markdown: bool = False
    """Answer with one of each thing that Markdown has."""
    delay: Annotated[float, Meta(ge=0, le=60)] | None = None
    """Seconds before each word, of the reasoning too."""
    reasoning: str = ""
    """What the agent is said to have thought."""
    tool: str = ""
    """The name of a tool that is called, with arguments and a result."""
    fail: Failure | None = None
    hang_after: _Count | None = None
    """Words, of the text, after which nothing more comes."""
    end_early_after: _Count | None = None
    """Words, of the text, after which the generator ends without `RunFinished`."""


def numbered_words(count: int) -> str:
    """The text of a script's `words`: each is different, so that a test sees which one is missing."""
    return " ".join(f"word{number}" for number in range(1, count + 1))


class ScriptedAgent:
    """`delay`: seconds between words where a script names no other."""

    writes_titles = False
    context_chars = 4_000

    def __init__(self, *, name: str, title: str, delay: float = 0.03) -> None:
        self.name = name
        self.title = title
        self._delay = delay

    async def run(self, turn: Turn) -> AsyncGenerator[AnyEvent]:
        """See `Agent.run`."""
        script = _script(turn.messages[-1].text) if turn.continues is None else Script(text=CONTINUED)
        delay = self._delay if script.delay is None else script.delay
        if script.reasoning:
            part = turn.part_id(1)
            yield ReasoningMessageStart(message_id=part)
            for word in _words(script.reasoning):
                await asyncio.sleep(delay)
                yield ReasoningMessageContent(message_id=part, delta=word)
            yield ReasoningMessageEnd(message_id=part)
        if script.tool:
            part = turn.part_id(2)
            yield ToolCallStart(tool_call_id=part, tool_call_name=script.tool)
            yield ToolCallArgs(tool_call_id=part, delta='{"query": ')
            await asyncio.sleep(delay)
            yield ToolCallArgs(tool_call_id=part, delta='"anything"}')
            yield ToolCallEnd(tool_call_id=part)
            yield ToolCallResult(message_id=turn.part_id(3), tool_call_id=part, content="nothing found")
        part = turn.text_id(4)
        yield TextMessageStart(message_id=part)
        said = 0
        for word in _words(script.text or ""):
            if await _faulty(script, said):
                return
            await asyncio.sleep(delay)
            yield TextMessageContent(message_id=part, delta=word)
            said += 1
        if await _faulty(script, said):
            return
        yield TextMessageEnd(message_id=part)
        yield RunFinished(thread_id=turn.thread_id, run_id=turn.run_id)

    async def aclose(self) -> None:
        """There is nothing to close."""


def _script(asked: str) -> Script:
    """The script in a message, with its text made; or one that answers the message."""
    if not asked.startswith(COMMAND):
        return Script(text=_answer(asked))
    try:
        script = msgspec.json.decode(asked.removeprefix(COMMAND), type=Script)
    except ValueError as error:
        return Script(text=f"This is no script: {error}. A script is `{COMMAND}` and one JSON object.")
    if script.words is not None:
        script.text = numbered_words(script.words)
    elif script.markdown:
        script.text = MARKDOWN
    elif script.text is None:
        script.text = _answer(asked)
    return script


async def _faulty(script: Script, said: int) -> bool:
    """Do what the script wants after `said` words: fail, hang, or (True) end."""
    if script.fail is not None and said == script.fail.after:
        raise AgentError(script.fail.code, script.fail.message, retry_after=script.fail.retry_after)
    if said == script.hang_after:
        await asyncio.get_running_loop().create_future()
    return said == script.end_early_after


def _words(text: str) -> Iterator[str]:
    """`text` in pieces that join to it again: words with the space behind them, very long ones in parts."""
    return (match.group() for match in _WORD.finditer(text))


def _answer(asked: str) -> str:
    line = " ".join(asked.split())
    quoted = f"{line[:_QUOTED]}…" if len(line) > _QUOTED else line
    return (
        f"You asked: “{quoted}”\n\n"
        "That would be a good question for a model, but none is configured here, so this is only a scripted reply: "
        "it shows that streaming works, and knows nothing.\n\n"
        "To talk to a real one, set `OPENAI_API_KEY`, or set `OPENAI_BASE_URL` to the address of any server that "
        "speaks OpenAI's Chat Completions, and start the service again.\n\n"
        f"Your message has {len(line.split())} words and {len(asked)} characters: that much can be said without one."
    )
