"""A task that was cancelled ends, whatever it was doing with Redis at that moment."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Connection

from shared.streams.redis.client import Client
from shared.streams.redis.connections import OF_NODES

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


@pytest.mark.parametrize("of", ["a command", "a connection"])
async def test_a_cancellation_leaves_no_reply_to_the_next_command(redis_url: str, of: str) -> None:
    """As in a cluster, whose client lends a connection to the next caller at once."""
    kind: Any = OF_NODES[Connection]
    port, replies = urlsplit(redis_url).port, []
    for turns in range(_TURNS):
        link = kind(host="127.0.0.1", port=port, socket_timeout=60)
        if of == "a command":
            await link.connect()
        task = asyncio.create_task(link.send_command("ECHO", "theirs"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            await link.read_response()
        await link.send_command("ECHO", "ours")
        replies.append(await link.read_response())
        await link.disconnect(nowait=True)

    assert replies == [b"ours"] * _TURNS
