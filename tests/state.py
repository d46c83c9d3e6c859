"""What a client knows, and how each frame changes it: the client's rules of the wire, as one pure function.

The page has the same rules in `chat/static/chat/store.js`; both are held to `tests/fixtures/wire`. Nothing is changed
in place, so a state that was kept is the state of that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Frame = Mapping[str, Any]
Message = dict[str, Any]
Run = dict[str, Any]
Parts = list[dict[str, Any]]

_MESSAGE_STATUS = {"completed": "complete"}


@dataclass(frozen=True)
class OpenChat:
    """A chat that the client follows."""

    version: int = 0
    ready: bool = False
    """A snapshot has come."""
    earlier: bool = False
    messages: Mapping[str, Message] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)
    """All that were told of; `status` and the cursor `seq` of each."""
    reopen: Literal["", "resume", "fresh"] = ""
    """Something was missed: open again from the cursors, or without any."""

    @property
    def cursors(self) -> dict[str, int]:
        """The last event of each live run: what `chat.open` takes as `runs`."""
        return {run_id: run["seq"] for run_id, run in self.runs.items() if run["status"] == "running"}


@dataclass(frozen=True)
class State:
    """`open` holds the chats that the client follows and was acknowledged for."""

    chats: Mapping[str, Any] = field(default_factory=dict)
    open: Mapping[str, OpenChat] = field(default_factory=dict)

    def following(self, chat: str, known: OpenChat | None = None) -> State:
        """Follow a chat, from what is known of it."""
        return replace(self, open={**self.open, chat: known or OpenChat()})


def text_of(message: Mapping[str, Any]) -> str:
    """All that a message says."""
    return "".join(part["text"] for part in message.get("parts", []) if part["type"] == "text")


def shown(frames: Iterable[Frame], chat: str, message: str) -> tuple[str, str]:
    """The status and the text of a message, as a client that opened its chat and got `frames` shows them; ("", "")
    before it has heard of it.
    """
    state = State().following(chat)
    for frame in frames:
        state = reduce(state, frame)
    known = state.open[chat].messages.get(message) if chat in state.open else None
    if known is None:
        return "", ""
    return known["status"], text_of(known)


def reduce(state: State, frame: Frame) -> State:
    """The state after one frame; what is not known changes nothing."""
    match frame["type"]:
        case "ack" if frame.get("chat"):
            return _know(state, [frame["chat"]])
        case "chat.snapshot":
            return _snapshot(state, frame)
        case "chat.changed":
            return _changed(state, frame)
        case "run.events":
            return _events(state, frame)
        case "chats.changed":
            removed = set(frame["removed"])
            known = _know(state, frame["chats"])
            return State(
                chats={chat: value for chat, value in known.chats.items() if chat not in removed},
                open={chat: value for chat, value in known.open.items() if chat not in removed},
            )
    return state


def _know(state: State, chats: list[Any]) -> State:
    """Chat objects come by several ways, so the higher version is right."""
    newer = {chat["id"]: chat for chat in chats if chat["version"] >= state.chats.get(chat["id"], chat)["version"]}
    return replace(state, chats={**state.chats, **newer})


def _snapshot(state: State, frame: Frame) -> State:
    chat = frame["chat"]["id"]
    if chat not in state.open:
        return state
    return _know(state, [frame["chat"]]).following(
        chat,
        OpenChat(
            version=frame["version"],
            ready=True,
            earlier=frame["earlier"],
            messages={message["id"]: {"parts": [], **message} for message in frame["messages"]},
            runs={run["run"]: run for run in frame["runs"]},
        ),
    )


def _changed(state: State, frame: Frame) -> State:
    chat = state.open.get(frame["chat"])
    if chat is None or frame["after"] < chat.version:
        return state
    if not chat.ready or frame["after"] > chat.version:
        return state.following(frame["chat"], replace(chat, reopen=chat.reopen or "resume"))
    applied = _apply(chat, frame["change"])
    if applied is None:
        return state.following(frame["chat"], replace(chat, reopen="fresh"))
    known = _know(state, [frame["change"]["chat"]]) if "chat" in frame["change"] else state
    return known.following(frame["chat"], replace(applied, version=frame["version"]))


def _apply(chat: OpenChat, change: Frame) -> OpenChat | None:
    """The chat after a change; None where the change leans on what this client does not have."""
    messages, runs = dict(chat.messages), dict(chat.runs)
    oldest = min((message["position"] for message in chat.messages.values()), default=0)
    sent = {message["id"]: message for message in change.get("messages", [])}
    gone = any(removed in messages for removed in change.get("removed", []))
    for message in sent.values():
        known = messages.get(message["id"])
        if chat.earlier and known is None and message["position"] < oldest:
            if gone:
                return None  # the path turns off above this page, and what comes back is the page
            continue  # it comes with its page
        if known and _keeps_parts(known, message, change):
            kept = {name: known[name] for name in ("parts", "clipped") if name in known}
            rest = {name: value for name, value in message.items() if name not in ("parts", "clipped")}
            messages[message["id"]] = rest | kept
        else:
            messages[message["id"]] = {"parts": [], **message}
    for removed in change.get("removed", []):
        messages.pop(removed, None)
    for run in change.get("runs", []):
        whole = "parts" in sent.get(run["reply"], {})
        known = runs.get(run["run"])
        if run["status"] == "running":
            if not whole and known is None and run["seq"] > 0:
                return None
            runs[run["run"]] = run if whole or known is None else {**run, "seq": known["seq"]}
        else:
            here = run["reply"] in messages and not whole
            if here and known is not None and known["status"] == "running" and known["seq"] < run["seq"]:
                return None
            runs[run["run"]] = {**run, "seq": max(run["seq"], known["seq"] if known else 0)}
    return replace(chat, messages=messages, runs=runs)


def _keeps_parts(known: Message, message: Message, change: Frame) -> bool:
    """Whether the parts of a message that is known stay with a change to it: where it brings none, and where a reply of
    which this client has all goes on right there, while the change has it clipped.
    """
    if "parts" not in message:
        return True
    if not message.get("clipped") or known.get("clipped") or known["status"] == "streaming":
        return False
    runs = [run for run in change.get("runs", []) if run["reply"] == message["id"]]
    return len(runs) == 1 and runs[0]["status"] == "running" and runs[0]["seq"] == 0


def _events(state: State, frame: Frame) -> State:
    chat = state.open.get(frame["chat"])
    run = chat.runs.get(frame["run"]) if chat else None
    if chat is None or (run is not None and frame["after"] < run["seq"]):
        return state
    if not chat.ready or run is None or frame["after"] > run["seq"]:
        return state.following(frame["chat"], replace(chat, reopen=chat.reopen or "resume"))
    moved = {**run, "seq": frame["seq"]}
    messages = dict(chat.messages)
    reply = messages.get(run["reply"])
    if run["status"] == "running":
        ended = _ending(frame["events"])
        if reply is not None:
            reply = messages[run["reply"]] = {**reply, "parts": fold(reply["parts"], frame["events"])}
        if ended is not None:
            moved["status"], error = ended
            if reply is not None:
                reply |= {"status": _MESSAGE_STATUS.get(moved["status"], moved["status"]), "error": error}
    return state.following(frame["chat"], replace(chat, messages=messages, runs={**chat.runs, run["run"]: moved}))


def _ending(events: list[Any]) -> tuple[str, dict[str, str] | None] | None:
    """The status that the terminal event gives a run, and the error of its reply."""
    last: dict[str, Any] = events[-1] if events else {}
    match last:
        case {"type": "RUN_FINISHED", **rest}:
            return "stopped" if rest.get("outcome", {}).get("type") == "cancelled" else "completed", None
        case {"type": "RUN_ERROR", "message": message, **rest}:
            code = rest.get("code", "failed")
            return "interrupted" if code == "interrupted" else "failed", {"code": code, "message": message}
    return None


def fold(parts: Parts, events: list[Any]) -> Parts:
    """The parts of a reply after more of its run's events."""
    folded = {part["id"]: dict(part) for part in parts}
    for event in events:
        _fold(folded, event)
    return list(folded.values())


def _fold(parts: dict[str, dict[str, Any]], event: Any) -> None:
    part_id = event.get("toolCallId") or event.get("messageId")
    match event["type"]:
        case "TEXT_MESSAGE_START" | "REASONING_MESSAGE_START" | "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT":
            kind = "text" if event["type"].startswith("TEXT") else "reasoning"
            part = parts.setdefault(part_id, {"type": kind, "id": part_id, "text": ""})
            if part["type"] == kind:
                part["text"] += event.get("delta", "")
        case "TOOL_CALL_START" | "TOOL_CALL_ARGS":
            begun = {"name": event.get("toolCallName", ""), "arguments": "", "result": None, "status": "calling"}
            part = parts.setdefault(part_id, {"type": "tool_call", "id": part_id, **begun})
            if part["type"] == "tool_call":
                part["arguments"] += event.get("delta", "")
        case "TOOL_CALL_END":
            part = parts.get(part_id, {})
            if part.get("status") == "calling":
                part["status"] = "called"
        case "TOOL_CALL_RESULT":
            part = parts.get(part_id, {})
            if part.get("type") == "tool_call":
                part |= {"result": event["content"], "status": "done"}
