"""A streamed Chat Completion, read: bytes of the response in, AG-UI events out. No I/O.

What is accepted is wider than OpenAI's own stream, because every server of that protocol differs a little: nulls where
fields could be left out, text in `reasoning` or `reasoning_content`, usage in every chunk or in none, an end with
`finish_reason`, with `[DONE]`, or with both.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from chat.agents.base import AgentError, Turn
from chat.agents.failures import cut_off, filtered, garbled, reported, too_long
from chat.agents.sse import EventTooLongError, SseSplitter
from chat.protocol.events import (
    AnyEvent,
    ReasoningMessageContent,
    ReasoningMessageEnd,
    ReasoningMessageStart,
    TextMessageContent,
    TextMessageEnd,
    TextMessageStart,
    TokenUsage,
    ToolCallArgs,
    ToolCallEnd,
    ToolCallStart,
)

_Kind = Literal["text", "reasoning"]
_START: dict[_Kind, type[TextMessageStart | ReasoningMessageStart]]
_START = {"text": TextMessageStart, "reasoning": ReasoningMessageStart}
_CONTENT: dict[_Kind, type[TextMessageContent | ReasoningMessageContent]]
_CONTENT = {"text": TextMessageContent, "reasoning": ReasoningMessageContent}
_END: dict[_Kind, type[TextMessageEnd | ReasoningMessageEnd]]
_END = {"text": TextMessageEnd, "reasoning": ReasoningMessageEnd}


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    """The fields that are used; others are skipped without being built."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Chunk)


class CompletionReader:
    """One reply. `read` every slice of the response until it is `over`, then `end`; raise `error` if there is one.

    The deltas of one kind that came in one slice leave as one event: a burst costs less per token, and a token that
    comes alone leaves alone. Errors are kept rather than raised, so that what came before them is never lost.
    """

    def __init__(self, turn: Turn) -> None:
        self.error: AgentError | None = None
        """Why this is no complete reply: `agent_garbled` for what is no stream of chunks; for an error reported inside
        the stream `agent_busy`, `agent_refused` or `agent_failed` before the first token, `interrupted` after it; for
        what `end` says too."""
        self.started = False
        """A chunk has been read: text may have been shown."""
        self.finish_reason: str | None = None
        self._turn = turn
        self._done = False
        self._usage: dict[str, Any] = {}
        self._splitter = SseSplitter()
        self._events: list[AnyEvent] = []
        self._parts = 0
        self._kind: _Kind | None = None
        self._part_id = ""
        self._first_text = True
        self._texts: list[str] = []
        self._tools: dict[int, str] = {}
        self._tool_ids: list[str] = []

    @property
    def over(self) -> bool:
        """Nothing that still comes would be read: `[DONE]` came, or an error."""
        return self._done or self.error is not None

    @property
    def complete(self) -> bool:
        """The model has said that the reply is whole. Whatever breaks afterwards takes nothing from it."""
        return self._done or self.finish_reason is not None

    def read(self, slice_: bytes) -> list[AnyEvent]:
        """The events that these bytes complete. Sets `error`."""
        try:
            payloads = self._splitter.feed(slice_)
        except EventTooLongError:
            self.error = garbled()
            return []
        self._chunks(payloads)
        if self._splitter.foreign and not self.started:
            self.error = self.error or garbled()
        self._flush()
        return self._take()

    def break_off(self, error: AgentError | None = None) -> None:
        """The response broke: by `error`, or else by the end of its connection. No loss where the reply is whole."""
        if not self.complete:
            self.error = error or cut_off(started=self.started)

    def end(self) -> list[AnyEvent]:
        """The events left when nothing more comes: parts are closed where the reply is complete. Sets `error`.

        A reply that a content filter ended is an error (`agent_refused`), although its stream is well formed: the text
        breaks off in the middle, and only a different question helps. So is one that reached the length limit
        (`interrupted`): it breaks off too, and can be continued.
        """
        self._chunks(self._splitter.end())
        if self.error is None and not self.complete:
            self.error = cut_off(started=self.started)
        if self.error is None:
            self._close_part()
            self._events.extend(ToolCallEnd(tool_call_id=tool) for tool in self._tool_ids)
            if self.finish_reason == "content_filter":
                self.error = filtered()
            elif self.finish_reason == "length":
                self.error = too_long()
        self._flush(last=True)
        return self._take()

    def usage(self, model: str) -> list[TokenUsage] | None:
        """What the server counted, in AG-UI's accounting; None where it said nothing."""
        inputs, outputs = self._usage.get("prompt_tokens_details"), self._usage.get("completion_tokens_details")
        counts = {
            "input_tokens": self._usage.get("prompt_tokens"),
            "output_tokens": self._usage.get("completion_tokens"),
            "total_tokens": self._usage.get("total_tokens"),
            "cached_input_tokens": inputs.get("cached_tokens") if isinstance(inputs, dict) else None,
            "reasoning_tokens": outputs.get("reasoning_tokens") if isinstance(outputs, dict) else None,
        }
        known = {name: count for name, count in counts.items() if isinstance(count, int) and count >= 0}
        return [TokenUsage(model=model, **known)] if known else None

    def _chunks(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            if self.over:
                return
            if payload == b"[DONE]":
                self._done = True
                return
            try:
                chunk = _decode(payload)
            except ValueError:
                self.error = garbled()
                return
            self.started = True
            self._chunk(chunk)

    def _chunk(self, chunk: _Chunk) -> None:
        if chunk.error:
            self.error = reported(chunk.error, spoken=self._parts > 0 or bool(self._tool_ids))
            return
        if isinstance(chunk.usage, dict):
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            if choice.index:
                continue  # Only one answer was asked for.
            if choice.delta is not None:
                self._delta(choice.delta)
            if choice.finish_reason:
                self.finish_reason = choice.finish_reason

    def _delta(self, delta: _Delta) -> None:
        if thought := delta.reasoning_content or delta.reasoning:
            self._say("reasoning", thought)
        if text := delta.content or delta.refusal:
            self._say("text", text)
        for call in delta.tool_calls or ():
            self._call(call)

    def _say(self, kind: _Kind, delta: str) -> None:
        if kind != self._kind:
            self._close_part()
            self._parts += 1
            self._kind = kind
            self._part_id = self._text_id() if kind == "text" else self._turn.part_id(self._parts)
            self._events.append(_START[kind](message_id=self._part_id))
        self._texts.append(delta)

    def _text_id(self) -> str:
        first, self._first_text = self._first_text, False
        return self._turn.text_id(self._parts) if first else self._turn.part_id(self._parts)

    def _flush(self, *, last: bool = False) -> None:
        """Make one event of the texts that have gathered."""
        if not self._texts or self._kind is None:
            return
        text = self._texts[0] if len(self._texts) == 1 else "".join(self._texts)
        self._texts.clear()
        if not last and "\ud800" <= text[-1] <= "\udbff":
            # Half a character, from a server that cuts UTF-16: its other half begins the next delta.
            self._texts.append(text[-1])
            text = text[:-1]
        if text:
            self._events.append(_CONTENT[self._kind](message_id=self._part_id, delta=text))

    def _close_part(self) -> None:
        self._flush(last=True)
        if self._kind is not None:
            self._events.append(_END[self._kind](message_id=self._part_id))
            self._kind = None

    def _call(self, call: _ToolCall) -> None:
        """A call has an index in OpenAI's stream; other servers send none, or the same for all, and a new id each."""
        index = call.index if call.index is not None else len(self._tools) - (0 if call.id else 1)
        function = call.function or _Function()
        tool_id = self._tools.get(index)
        if tool_id is None or (call.id and call.id != tool_id and function.name):
            self._close_part()
            self._parts += 1
            tool_id = call.id if call.id and call.id not in self._tool_ids else self._turn.part_id(self._parts)
            self._tools[index] = tool_id
            self._tool_ids.append(tool_id)
            self._events.append(ToolCallStart(tool_call_id=tool_id, tool_call_name=function.name or "tool"))
        if function.arguments:
            self._events.append(ToolCallArgs(tool_call_id=tool_id, delta=function.arguments))

    def _take(self) -> list[AnyEvent]:
        events, self._events = self._events, []
        return events


def _decode(payload: bytes) -> _Chunk:
    """Raises `ValueError` (msgspec's errors are among them) for what is no chunk."""
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # msgspec refuses lone surrogates, which servers send that cut UTF-16 text between two tokens. The standard
        # library reads them, and NaN too; whoever logs the text repairs it.
        return msgspec.convert(json.loads(payload), _Chunk)
