"""The stateful property: whatever people do, and whatever becomes of workers, notes, connections and the log, in the
end everyone has the same state, which is that of the rows, and nothing that anyone was shown or told was untrue.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any, Literal

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test
from pytest_django import Settings

from chat.models import Run
from tests.people import script
from tests.simulation.network import Weather
from tests.simulation.stage import Stage
from tests.simulation.tab import Tab
from tests.simulation.witness import Command, Witness
from tests.simulation.world import World, prepare

WHOLE = os.environ.get("FAULTS") == "whole"
EXAMPLES = 500 if WHOLE else 40
REPLIES: dict[str, dict[str, Any]] = {
    "at once": {"words": 5, "delay": 0},
    "steady": {"words": 15, "delay": 0.1},
    "slow": {"words": 10, "delay": 3},
    "thoughtful": {"reasoning": "so it must be so", "tool": "search", "words": 10, "delay": 0.3},
    "long": {"words": 300, "delay": 0.01},
    "failing": {"words": 9, "delay": 0.1, "fail": {"code": "agent_busy", "message": "Too much to do.", "after": 4}},
    "breaking off": {"words": 9, "delay": 0.1, "end_early_after": 4},
    "hanging": {"words": 9, "delay": 0.1, "hang_after": 4},
}
MANY = st.integers(0, 20)
"""Which of many: as many as there are are gone round."""
REPLY = st.sampled_from([*REPLIES])
BY = st.sampled_from(["socket", "http"])


class Service(Stage):
    """Rules only begin things, so that everything happens at once; `wait` lets time pass."""

    @initialize(
        seed=st.integers(0, 2**32 - 1),
        log=st.sampled_from(["table", "memory"]),
        lost=st.sampled_from([0, 0, 30, 100]),
        doubled=st.sampled_from([0, 50]),
        late=st.sampled_from([0.0, 0.3, 5.0]),
    )
    def begin(self, seed: int, log: Literal["table", "memory"], lost: int, doubled: int, late: float) -> None:
        self.world = World(random.Random(seed), log)  # noqa: S311  # keeps no secret
        self.world.layer.weather = Weather(lost, doubled, late)
        self.witness = Witness(self.world)
        self.visitor = self.world.new_visitor()
        for _ in range(2):
            self._run(self.world.start_worker().started)
        for _ in range(2):
            self.create()
        for _ in range(2):
            self.come()

    # --- People -------------------------------------------------------------------------------------------------------

    @rule()
    def create(self) -> None:
        """Make a chat, twice by the same command."""
        if len(self.chats) == 4:
            return
        body = {"client_id": f"chat {next(self.numbers)}", "title": "New"}
        made = [self._run(self._persist(lambda: self.visitor.api("POST", "chats", body)))["id"] for _ in range(2)]
        assert made[0] == made[1]
        self.witness.has(made[0], "title", "New")
        self.witness.has(made[0], "archived", value=False)
        self.witness.has(made[0], "deleted", value=False)
        self.chats.append(made[0])

    @rule()
    def come(self) -> None:
        """One more tab, with all chats open."""
        if len(self.tabs) < 4:
            self.tabs.append(Tab(self.visitor, self.chats, self.witness))
            self.following.append(self.world.loop.create_task(self.tabs[-1].follow()))

    @rule(chat=MANY, reply=REPLY, by=BY)
    def send(self, chat: int, reply: str, by: str) -> None:
        text = script(**REPLIES[reply])
        self._begin(by, "message.send", chat=self._chat(chat), text=text, client_id=self._new_id())

    @rule(message=MANY, reply=REPLY, by=BY)
    def edit(self, message: int, reply: str, by: str) -> None:
        text = script(**REPLIES[reply])
        self._begin_at(message, by, "message.edit", {"role": "user"}, text=text, client_id=self._new_id())

    @rule(message=MANY, by=BY)
    def retry(self, message: int, by: str) -> None:
        self._begin_at(message, by, "message.retry", {"role": "assistant"}, client_id=self._new_id())

    @rule(message=MANY, by=BY)
    def go_on(self, message: int, by: str) -> None:
        unfinished = {"shown": True, "status__in": ["stopped", "interrupted", "failed"]}
        self._begin_at(message, by, "message.continue", unfinished, client_id=self._new_id())

    @rule(message=MANY, by=BY)
    def choose(self, message: int, by: str) -> None:
        self._begin_at(message, by, "message.choose", {"shown": False})

    @rule(which=MANY, by=BY)
    def repeat(self, which: int, by: str) -> None:
        """The same command again, whatever became of it."""
        if self.commands:
            self._spawn(self._insist(self.commands[-1 - which % len(self.commands)], by))

    @rule(run=MANY, by=BY)
    def stop(self, run: int, by: str) -> None:
        runs = [str(run_id) for run_id in Run.objects.order_by("status", "version").values_list("id", flat=True)]
        if runs:
            self._spawn(self._insist(Command("run.stop", {"run": runs[-1 - run % len(runs)]}), by))

    @rule(chat=MANY, archived=st.booleans())
    def archive(self, chat: int, archived: bool) -> None:
        self._run(self._change(self._chat(chat), "archived", archived, "PATCH"))

    @rule(chat=MANY)
    def rename(self, chat: int) -> None:
        title = f"Title {next(self.numbers)}"
        self._run(self._change(self._chat(chat), "title", title, "PATCH"))

    @rule(chat=MANY)
    def delete(self, chat: int) -> None:
        self._run(self._change(self._chat(chat), "deleted", True, "DELETE"))

    @rule(chat=MANY)
    def restore(self, chat: int) -> None:
        self._run(self._change(self._chat(chat), "deleted", False, "POST", "/restore"))

    @rule(chat=MANY)
    def read(self, chat: int) -> None:
        """Read the newest page, and its last message alone, by HTTP."""
        self._spawn(self._read(f"chats/{self._chat(chat)}/messages"))

    @rule(tab=MANY, chat=MANY)
    def close_or_open(self, tab: int, chat: int) -> None:
        at, known = self.tabs[tab % len(self.tabs)], self._chat(chat)
        self._run(at.close(known) if known in at.wanted else at.open(known))

    # --- What goes wrong ----------------------------------------------------------------------------------------------

    @rule(tab=MANY, frames=st.integers(0, 12))
    def cut(self, tab: int, frames: int) -> None:
        if frames:
            self.tabs[tab % len(self.tabs)].cut_in(frames)
        else:
            self.tabs[tab % len(self.tabs)].cut()

    @rule(worker=MANY)
    def kill(self, worker: int) -> None:
        self._away(worker).kill()

    @rule(worker=MANY, seconds=st.sampled_from([1, 5, 20, 40, 80]))
    def sleep(self, worker: int, seconds: float) -> None:
        asleep = self._away(worker)
        asleep.sleep()
        self.world.loop.call_later(seconds, self._wake, asleep)

    @rule(worker=MANY, drain=st.sampled_from([0, 2, 30]))
    def terminate(self, worker: int, drain: float) -> None:
        self._away(worker).terminate(drain)

    @rule()
    def start_worker(self) -> None:
        if sum(worker.state != "dead" for worker in self.world.workers) < 3:
            self._run(self.world.start_worker().started)

    @rule(seconds=st.sampled_from([0.5, 3, 10]))
    def lose_log(self, seconds: float) -> None:
        self.rough = True
        self.world.trouble.away_until = self.world.loop.time() + seconds

    @rule(answers=st.integers(1, 3))
    def lose_answers(self, answers: int) -> None:
        self.rough = True
        self.world.trouble.answers_to_lose += answers

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.1, 0.5, 0.5, 2, 2, 10, 35]))
    def wait(self, seconds: float) -> None:
        self._run(asyncio.sleep(seconds))


@pytest.mark.timeout(7200 if WHOLE else 600)
def test_whatever_happens_all_agree_in_the_end(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    prepare(monkeypatch, settings)
    run_state_machine_as_test(
        Service,
        settings=hypothesis.settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            # To explain, Hypothesis traces every line, which takes longer than anyone waits; to make an example small
            # takes ten minutes.
            phases=[phase for phase in Phase if phase is not Phase.explain and (WHOLE or phase is not Phase.shrink)],
        ),
    )
