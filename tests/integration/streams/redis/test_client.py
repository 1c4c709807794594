"""Calls to Redis: what is cancelled ends, at whatever moment that comes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from shared.streams.log.log import Log
from shared.streams.redis.client import Client

CALLS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "one command": lambda client: client.call("PING"),
    "a pipeline": lambda client: client.run([("PING",), ("PING",)]),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_task_that_is_cancelled_during_a_call_is_cancelled(log: Log, name: str) -> None:
    chance = random.Random(1)
    forgotten = 0
    for _ in range(500):
        task = asyncio.ensure_future(CALLS[name](log.client))
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        if task.cancel():
            await asyncio.wait([task])
            forgotten += not task.cancelled()

    assert forgotten == 0


async def test_a_task_may_make_calls_after_it_was_cancelled_to_tidy_up(log: Log) -> None:
    async def tidy() -> object:
        try:
            return await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await log.client.call("PING")

    task = asyncio.create_task(tidy())
    await asyncio.sleep(0)
    task.cancel()

    assert await task == b"PONG"
