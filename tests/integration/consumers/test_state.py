"""The reducer that the other tests here stand on keeps the rules that the page's own reducer keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.state import OpenChat, State, reduce

FIXTURES = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "wire").glob("*.json"))


def shown(chat: OpenChat) -> dict[str, Any]:
    """A chat as the fixtures describe it."""
    return {
        "version": chat.version,
        "ready": chat.ready,
        "earlier": chat.earlier,
        "messages": sorted(chat.messages.values(), key=lambda message: message["position"]),
        "runs": {run_id: {"status": run["status"], "seq": run["seq"]} for run_id, run in chat.runs.items()},
        "reopen": chat.reopen,
    }


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_frames_make_the_state_that_every_client_must_have(path: Path) -> None:
    fixture = json.loads(path.read_text())
    state = State()
    for chat in fixture["follows"]:
        state = state.following(chat)
    for frame in fixture["frames"]:
        state = reduce(state, frame)
    assert {"chats": dict(state.chats), "open": {chat: shown(known) for chat, known in state.open.items()}} == {
        "chats": fixture["state"]["chats"],
        "open": fixture["state"]["open"],
    }


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) > 20
