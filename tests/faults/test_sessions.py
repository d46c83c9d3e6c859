"""People whose sessions end from outside: by the admin, a shell, a command, in a process that is no worker."""

from __future__ import annotations

import asyncio

import pytest

from tests import TIMEOUT
from tests.cluster import Cluster
from tests.faults.harness import SIGNED_OUT, ask, at
from tests.people import new_person
from tests.process import manage
from tests.wire import Wire

pytestmark = pytest.mark.timeout(6 * TIMEOUT)


@pytest.mark.parametrize("deed", ["user.is_active = False", "user.set_password('another one')"])
async def test_a_person_whose_account_is_changed_in_a_shell_is_signed_out_at_every_worker(
    calm: Cluster, deed: str
) -> None:
    here, there = calm.workers
    person, bystander = new_person(here), new_person(here)
    chat = await person.new_chat()
    asked = await ask(person, chat, words=100_000, delay=0.01)
    async with Wire(person) as one, Wire(at(person, there)) as other, Wire(at(bystander, there)) as beside:
        for wire in (one, other):
            await wire.ask("chat.open", chat=chat)
            await wire.frame("run.events")
        code = (
            "from django.contrib.auth import get_user_model as people\n"
            f"user = people().objects.get(pk='{person.id}')\n{deed}\nuser.save()"
        )
        done = await asyncio.to_thread(manage, "shell", "-c", code, env=here.env)
        assert done.returncode == 0, done.stderr
        for wire in (one, other):
            assert await wire.close_code(SIGNED_OUT) == 4401
        assert await beside.ask("chat.create", client_id="c")
        assert not beside.closed.done()
    here.execute("UPDATE chat_run SET stop_requested = true WHERE id = %s", asked.run)
