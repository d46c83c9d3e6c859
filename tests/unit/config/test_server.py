"""What `serve` lays upon the loop."""

from __future__ import annotations

import asyncio
import gc

import pytest
from django.core.exceptions import RequestAborted

from config.server import on_exception


@pytest.mark.parametrize(("problem", "logged"), [(RequestAborted(), 0), (RuntimeError("odd"), 1)])
async def test_a_client_that_left_is_no_error_that_nobody_heard(
    problem: Exception, logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(on_exception)

    async def fail() -> None:
        raise problem

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    del task
    gc.collect()
    assert [record.message.split("\n")[0] for record in caplog.records] == [
        "Task exception was never retrieved"
    ] * logged
