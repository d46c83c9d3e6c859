"""Several processes and their time, in one thread: a loop that waits for nothing, and whose parts can die or sleep.

Time is a number that jumps to whatever is due next, so a minute takes as long as what happens in it, and what happens
depends on nothing but the `chance` that is given. Threads are calls that begin a little later and are answered a little
later. Code belongs to the process that its context names; what of a process that was killed or stopped is due does not
happen, or not before it is let go on: no `finally` and no time-out of it runs, as with kill -9 and SIGSTOP.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Literal, TypeVar, TypeVarTuple

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

HERE: contextvars.ContextVar[Process] = contextvars.ContextVar("HERE")
"""The process that the present code belongs to; clients belong to none."""
BEGINNING = 1_000.0
"""Seconds; what is counted from 0 by mistake stands out."""
MAX_TURNS = 100_000
"""Turns of the loop at one moment."""


class Process:
    """Something that is killed, stopped and let go on as a whole."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.state: Literal["running", "asleep", "dead"] = "running"
        self._held: list[asyncio.Handle] = []
        loop.processes.append(self)

    def spawn(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """A task of this process, whoever asks for it."""
        context = contextvars.copy_context()
        context.run(HERE.set, self)
        return self.loop.create_task(coroutine, context=context)

    def kill(self) -> None:
        """From now on nothing of it happens."""
        self.state = "dead"

    def sleep(self) -> None:
        """Nothing of it happens until `wake`."""
        self.state = "asleep"

    def wake(self) -> None:
        """All that was due meanwhile happens now."""
        self.state = "running"
        held, self._held = self._held, []
        self.loop.resume(held)

    def step(self, handle: list[asyncio.Handle], callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """For the loop: what is due."""
        if self.state == "running":
            callback(*args)
        else:
            self._held += handle


class _Jump(selectors.SelectSelector):
    """Waits for no file, and for no time."""

    now = BEGINNING
    turns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("Nothing will ever happen again.")
        self.turns = 0 if timeout > 0 else self.turns + 1
        if self.turns > MAX_TURNS:
            raise RuntimeError("Something goes on for ever and takes no time.")
        self.now += max(timeout, 0)
        return []


class Loop(asyncio.SelectorEventLoop):
    """See above. `chance` says how long threads take."""

    def __init__(self, chance: random.Random) -> None:
        self.processes: list[Process] = []
        self._jump = _Jump()
        self._chance = chance
        self._ending = False
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    def pause(self) -> float:
        """Seconds that something takes: mostly next to nothing."""
        return self._chance.random() * self._chance.choice((0.0, 0.001, 0.001, 0.01, 0.2))

    def resume(self, handles: list[asyncio.Handle]) -> None:
        """Do these next."""
        self._ready.extend(handle for handle in handles if not handle.cancelled())  # type: ignore[attr-defined]

    def as_nobody(self, function: Callable[..., R], *args: Any) -> R:
        """Call this as something that no process can take with it."""
        return contextvars.Context().run(function, *args)

    # Every callback passes one of these.

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        context = context or contextvars.copy_context()
        process = context.get(HERE)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        handle: list[asyncio.Handle] = []
        handle.append(super().call_soon(process.step, handle, callback, args, context=context))
        return handle[0]

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        context = context or contextvars.copy_context()
        process = context.get(HERE)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        handle: list[asyncio.Handle] = []
        timer = super().call_at(when, process.step, handle, callback, args, context=context)
        handle.append(timer)
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]  # typeshed has a future of any kind
        self, executor: Executor | None, func: Callable[..., R], *args: Any
    ) -> asyncio.Future[R]:
        future: asyncio.Future[R] = self.create_future()
        if self._ending:
            future.cancel()
            return future

        def work() -> None:
            try:
                settle: Callable[[], None] = _setting(future, outside(func, *args))
            except BaseException as error:  # noqa: BLE001  # whoever waits gets it
                settle = _failing(future, error)
            self.call_later(self.pause(), settle)

        self.call_later(self.pause(), work)
        return future

    def end(self) -> None:
        """End every task that is left, also of the dead, and close; what they do about it has no effect any more."""
        self._ending = True
        self.set_exception_handler(lambda loop, context: None)
        for process in self.processes:
            process.wake()
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.wait(tasks, timeout=1))
        self.close()


def outside(function: Callable[..., R], *args: Any) -> R:
    """Call this as a thread would: without a running loop, which Django allows no query in."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return function(*args)
    finally:
        asyncio._set_running_loop(loop)


def _setting(future: asyncio.Future[R], result: R) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(result)


def _failing(future: asyncio.Future[Any], error: BaseException) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)
