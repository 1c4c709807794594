"""A task that was cancelled ends, whatever it was doing with Redis at that moment."""

from __future__ import annotations

import asyncio

import pytest

from shared.streams.redis.client import Client

_TURNS = 30  # Of the event loop, more than a command takes to be written.


@pytest.mark.parametrize("of", ["a command", "a connection"])
async def test_a_cancellation_at_any_moment_is_heeded(redis_url: str, of: str) -> None:
    client = await Client.connect(redis_url)
    heeded = []
    for turns in range(_TURNS):
        [link] = client.links().values()
        if of == "a command":
            await link.connect()
        call = link.connect() if of == "a connection" else link.send_command("PING")
        task = asyncio.create_task(call)
        for _ in range(turns):
            await asyncio.sleep(0)
        was_asked = task.cancel()
        await asyncio.wait([task])
        heeded.append(task.cancelled() or not was_asked)
        await link.disconnect(nowait=True)
    await client.close()

    assert heeded == [True] * _TURNS
