"""A model's server that misbehaves: the run ends as what it was, keeps what was said, and says what went wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.fakes.upstream import Behaviour, directive, words
from tests.faults.harness import (
    ENV,
    Asked,
    Watcher,
    all_agree,
    assert_calm,
    assert_ended_once,
    at,
    ended,
    watching,
)
from tests.people import new_person
from tests.process import ROOT
from tests.services import Postgres
from tests.state import text_of

pytestmark = [pytest.mark.timeout(8 * TIMEOUT), pytest.mark.long]


@pytest.fixture(scope="module")
def asking(postgres: Postgres) -> Iterator[Cluster]:
    """Two workers whose model is a server that does as each message says."""
    command = [sys.executable, "-m", "tests.fakes.upstream"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as upstream:
        assert upstream.stdout is not None
        url = upstream.stdout.readline().split()[-1]
        try:
            with Cluster(postgres=postgres, env={**ENV, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "x"}) as cluster:
                yield cluster
        finally:
            upstream.kill()


@pytest.mark.parametrize(
    ("behaviour", "status", "code", "kept"),
    [
        # It says nothing for the minute that the agent waits, and nobody makes that shorter here.
        ({"fault": "stall", "after": 5}, "failed", "agent_timeout", 5),
        ({"fault": "reset", "after": 5}, "interrupted", "interrupted", 5),
        ({"fault": "cut", "tokens": 5}, "interrupted", "interrupted", 5),
        ({"fault": "malformed", "after": 5}, "failed", "agent_garbled", 5),
        ({"fault": "endless_line", "after": 5}, "failed", "agent_garbled", 5),
        ({"status": 429, "retry_after": "0.1", "times": 100}, "failed", "agent_busy", 0),
        ({"status": 500, "times": 2, "tokens": 5}, "complete", None, 5),
        ({"status": 401, "times": 100}, "failed", "agent_refused", 0),
        # Not all at once, or a worker that looks when it is over has to show it clipped.
        ({"big": 1024 * 1024, "tokens": 5, "rate": 5}, "complete", None, 5),
        ({"fault": "no_http"}, "failed", None, 0),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else None,
)
async def test_a_model_that_misbehaves(
    asking: Cluster, behaviour: dict[str, Any], status: str, code: str | None, kept: int
) -> None:
    owner, other = asking.workers
    person = new_person(owner)
    chat = await person.new_chat()
    watchers = [Watcher(each, [chat]) for each in (person, at(person, other))]
    async with watching(*watchers):
        body = {"client_id": uuid4().hex, "text": directive(seed=len(str(behaviour)), **behaviour)}
        sent = await person.api("POST", f"chats/{chat}/messages", body)
        asked = Asked(chat, sent["reply"], sent["run"])
        for watcher in watchers:
            await watcher.has_seen(asked.reply, kept)
        reply = await ended(person, asked, 60 + 2 * TIMEOUT)
        assert reply["status"] == status
        if status == "complete":
            assert reply["error"] is None
        else:
            assert reply["error"]["message"]
            assert code in (None, reply["error"]["code"])
        said = "".join(list(words(Behaviour(seed=len(str(behaviour)), tokens=kept)))) if kept else ""
        assert text_of(reply).endswith(said)
        assert len(text_of(reply)) == len(said) + behaviour.get("big", 0)
        if "big" in behaviour:
            # Who comes now gets it clipped; who was there has it whole.
            for watcher in watchers:
                await watcher.until(lambda _, watcher=watcher: watcher.texts[asked.reply] == text_of(reply))  # type: ignore[misc]  # one bound variable
        else:
            await all_agree(person, *watchers)
    assert assert_ended_once(asking, asked) == status.replace("complete", "completed")
    assert_calm(asking)
