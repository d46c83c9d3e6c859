"""What happens in the chats of one person: every kind of frame, and every command that changes them, in an order that
differs a little each time.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

from tests import TIMEOUT
from tests.people import Person, script
from tests.state import Frame
from tests.wire import Wire


class Scenario:
    """Plays in two chats of a person, who has both open on `wire`."""

    def __init__(self, person: Person, first: str, second: str, wire: Wire) -> None:
        self.person = person
        self.first = first
        self.second = second
        self.wire = wire
        self._numbers = itertools.count()

    async def play(self) -> None:
        """Both chats at once, and others beside them; then a last change in each."""
        await asyncio.gather(self._in_the_first(), self._in_the_second(), self._beside_them())
        for chat in (self.first, self.second):
            await self.person.api("PATCH", f"chats/{chat}", {"title": "The end"})

    async def _in_the_first(self) -> None:
        everything = {"reasoning": "so it must be so", "tool": "search", "markdown": True, "delay": 0.004}
        assert await self._say(self.first, **everything) == "completed"
        run = await self._begin(self.first, words=1000, delay=0.005)
        await self.wire.until(lambda: self._seq(run) > 10)
        await self.wire.ask("run.stop", run=run)
        assert await self._end(self.first, run) == "stopped"
        await self.person.api("PATCH", f"chats/{self.first}", {"archived": True})
        assert await self._say(self.first, words=3000, delay=0) == "completed"
        await self.person.api("PATCH", f"chats/{self.first}", {"archived": False})
        await self._in_branches(self.first)

    async def _in_branches(self, chat: str) -> None:
        """Another reply, another question, and back to the first reply, which goes on where it broke off."""
        asked = await self._ask("message.send", chat, text=script(words=12, delay=0.005, end_early_after=8))
        assert await self._end(chat, asked["run"]) == "interrupted"
        again = await self._ask("message.retry", chat, message=asked["reply"])
        assert await self._end(chat, again["run"]) == "interrupted"
        edited = await self._ask("message.edit", chat, message=asked["message"], text=script(words=9, delay=0.005))
        assert await self._end(chat, edited["run"]) == "completed"
        for message in (asked["message"], asked["reply"]):
            await self.wire.ask("message.choose", chat=chat, message=message)
        more = await self._ask("message.continue", chat, message=asked["reply"])
        assert more["reply"] == asked["reply"]
        assert await self._end(chat, more["run"]) == "completed"

    async def _in_the_second(self) -> None:
        run = await self._begin(self.second, words=20, delay=0.01)
        await self.person.api("PATCH", f"chats/{self.second}", {"title": "Named in the middle"})
        assert await self._end(self.second, run) == "completed"
        failure = {"code": "agent_busy", "message": "Too much to do.", "after": 3}
        assert await self._say(self.second, words=9, delay=0.005, fail=failure) == "failed"
        await self._begin(self.second, words=1000, delay=0.005)
        await asyncio.sleep(random.uniform(0.02, 0.1))  # noqa: S311  # deleted somewhere in the middle
        await self.person.api("DELETE", f"chats/{self.second}")
        await self.person.api("POST", f"chats/{self.second}/restore")
        await self._idle(self.second)
        await self.wire.ask("chat.open", chat=self.second)
        text = "“Grüße” 🙂\n\n\u2028 and \u0007 too"
        assert await self._say(self.second, text=text, delay=0.005) == "completed"

    async def _beside_them(self) -> None:
        for number in range(4):
            chat = await self.person.new_chat(f"beside {number}")
            await self.person.api("POST", f"chats/{chat}/messages", {"client_id": "m", "text": script(words=5)})
            if number % 2:
                await self.person.api("DELETE", f"chats/{chat}")

    async def _say(self, chat: str, **fields: Any) -> str:
        """Send a script and wait for the end of the reply; returns the run's status."""
        return await self._end(chat, await self._begin(chat, **fields))

    async def _begin(self, chat: str, **fields: Any) -> str:
        """Send a script; returns the run."""
        return str((await self._ask("message.send", chat, text=script(**fields)))["run"])

    async def _ask(self, kind: str, chat: str, **fields: Any) -> Frame:
        """Ask for something that begins a run; returns the ack."""
        return await self.wire.ask(kind, chat=chat, client_id=f"m{next(self._numbers)}", **fields)

    async def _end(self, chat: str, run: str) -> str:
        """Wait for the change that ends a run; returns its status."""

        def ended() -> str | None:
            changes = [frame for frame in self.wire.frames if frame["type"] == "chat.changed" and frame["chat"] == chat]
            told = [told for frame in changes for told in frame["change"].get("runs", []) if told["run"] == run]
            return next((str(last["status"]) for last in told if last["status"] != "running"), None)

        # Not everything is late that takes long: a reply of 3,000 words goes to many who follow it, word by word.
        return await self.wire.until(ended, within=4 * TIMEOUT)

    def _seq(self, run: str) -> int:
        """How far the run has come on this socket."""
        frames = (frame for frame in reversed(self.wire.frames) if frame["type"] == "run.events")
        return next((int(frame["seq"]) for frame in frames if frame["run"] == run), 0)

    async def _idle(self, chat: str) -> None:
        while (await self.person.api("GET", f"chats/{chat}"))["live"]:  # noqa: ASYNC110  # by HTTP there is no other way
            await asyncio.sleep(0.01)
