"""/api/chats/{chat}/messages and /api/runs: send, read backwards, read whole, stop."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chat import feeds
from chat.database import in_database
from chat.protocol.events import RunStarted, TextMessageContent
from chat.protocol.transcript import entry
from chat.runs.log import Append
from chat.runtime import Runtime
from tests.agents import Waiting
from tests.caller import Caller
from tests.chats import answer, new_chat, say, talk
from tests.until import until
from tests.worker import idle, outcome


@pytest.fixture
def chat(user: UUID) -> UUID:
    return new_chat(user)


async def test_a_message_is_sent_once_and_answered(
    caller: Caller, runtime: Runtime, speech: Waiting, chat: UUID
) -> None:
    path, body = f"chats/{chat}/messages", {"text": "Hi", "client_id": "k"}
    sent = await caller.call("POST", path, body)
    again = await caller.call("POST", path, body)
    speech.go.set()
    await idle(runtime)
    late = await caller.call("POST", path, body)
    assert sent.status == 200
    assert sent.body == again.body == late.body
    page = (await caller.call("GET", path)).body
    assert [message["id"] for message in page["messages"]] == [sent.body["message"], sent.body["reply"]]
    assert page["messages"][1]["parts"][0]["text"] == "First and last."
    assert (page["messages"][1]["status"], page["earlier"]) == ("complete", False)


async def test_a_chat_that_is_being_answered_is_busy(caller: Caller, chat: UUID) -> None:
    path = f"chats/{chat}/messages"
    await caller.call("POST", path, {"text": "Hi", "client_id": "a"})
    busy = await caller.call("POST", path, {"text": "Hi", "client_id": "b"})
    assert (busy.status, busy.code) == (409, "chat_busy")


async def test_a_reply_in_flight_is_read_with_what_it_has_so_far(caller: Caller, runtime: Runtime, chat: UUID) -> None:
    path = f"chats/{chat}/messages"
    sent = (await caller.call("POST", path, {"text": "Hi", "client_id": "k"})).body
    feed = runtime.hub.feeds.follow(UUID(sent["run"]), chat)
    await until(lambda: feed.seq == 3)
    for reply in (
        (await caller.call("GET", f"{path}/{sent['reply']}")).body,
        (await caller.call("GET", path)).body["messages"][1],
    ):
        assert (reply["status"], reply["run"]) == ("streaming", sent["run"])
        assert [part["text"] for part in reply["parts"]] == ["First "]


async def test_a_reply_in_flight_elsewhere_is_read_from_its_log(
    caller: Caller, runtime: Runtime, user: UUID, chat: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = await in_database(say, user, chat)
    path, started = f"chats/{chat}/messages/{posted.reply}", posted.started
    assert started is not None
    # Nobody here works on this run, and where its log has nothing it may have been lost: that is not said to be empty.
    monkeypatch.setattr(feeds, "FIRST_READ", 0.01)
    refused = await caller.call("GET", path)
    assert (refused.status, refused.code) == (503, "unavailable")
    said = [
        entry(event).json()
        for event in (RunStarted(thread_id="t", run_id="r"), TextMessageContent(message_id="m", delta="First "))
    ]
    await runtime._log.append([Append(started.run, started.token, 0, said)])
    reply = (await caller.call("GET", path)).body
    assert (reply["status"], [part["text"] for part in reply["parts"]]) == ("streaming", ["First "])


async def test_stopping_is_recorded_and_done(caller: Caller, runtime: Runtime, speech: Waiting, chat: UUID) -> None:
    sent = (await caller.call("POST", f"chats/{chat}/messages", {"text": "Hi", "client_id": "k"})).body
    await until(speech.reached.is_set)
    for _ in range(2):
        stopped = await caller.call("POST", f"runs/{sent['run']}/stop")
        assert (stopped.status, stopped.body) == (204, None)
        await idle(runtime)
    found = await outcome(UUID(sent["run"]))
    assert (found.run, found.text) == ("stopped", "First ")


async def test_older_messages_come_in_pages_without_a_gap(caller: Caller, user: UUID, chat: UUID) -> None:
    await in_database(talk, user, chat, 4)
    positions: list[int] = []
    path, before, earlier = f"chats/{chat}/messages?limit=3", "", True
    while earlier:
        page = (await caller.call("GET", path + before)).body
        positions = [*(message["position"] for message in page["messages"]), *positions]
        before, earlier = f"&before={positions[0]}", page["earlier"]
    assert positions == list(range(1, 9))


async def test_a_long_message_is_clipped_in_a_page_and_whole_by_itself(caller: Caller, user: UUID, chat: UUID) -> None:
    text = 20_000 * "漢😀\n"
    posted = await in_database(say, user, chat, text)
    await in_database(answer, posted)
    path = f"chats/{chat}/messages"
    clipped = (await caller.call("GET", path)).body["messages"][0]
    assert clipped["clipped"] is True
    assert text.startswith(clipped["parts"][0]["text"])
    whole = (await caller.call("GET", f"{path}/{posted.message}")).body
    assert (whole["parts"][0]["text"], whole.get("clipped")) == (text, None)


async def test_a_message_of_another_chat_is_not_found_in_this_one(caller: Caller, user: UUID, chat: UUID) -> None:
    posted = await in_database(say, user, await in_database(new_chat, user))
    for message in (posted.message, uuid4()):
        replied = await caller.call("GET", f"chats/{chat}/messages/{message}")
        assert (replied.status, replied.code) == (404, "not_found")


async def test_a_draining_process_says_when_to_come_again(caller: Caller, runtime: Runtime, chat: UUID) -> None:
    runtime.begin_drain()
    replied = await caller.call("POST", f"chats/{chat}/messages", {"text": "Hi", "client_id": "k"})
    assert (replied.status, replied.code) == (503, "draining")
    assert replied.headers["Retry-After"] == str(int(replied.body["retry_after"])) == "1"
    assert (await caller.call("GET", f"chats/{chat}/messages")).body["messages"] == []
