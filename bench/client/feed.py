"""Keep a system busy for minutes, and tell how many orders ended in each window of time."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from time import perf_counter
from typing import Any

import psycopg

from bench.client.wire import connect, post

_LOOK_S = 0.5
_ACCEPTED = range(200, 300)


class _Feed:
    """Orders are placed whenever fewer than `under_way` have not ended, as of the last look."""

    def __init__(self, asked: Namespace) -> None:
        self.asked = asked
        self.accepted = 0
        self.errors = 0
        self.ended = 0
        self.over = False
        self._request = post(asked.base, asked.path, asked.body)

    async def place(self) -> None:
        """Place orders over a connection of its own until it is over."""
        [connection] = await connect(self.asked.base, 1)
        while not self.over:
            if self.accepted - self.ended >= self.asked.under_way:
                await asyncio.sleep(_LOOK_S / 10)
                continue
            if connection.closed:  # By a server that does not keep one for minutes for nothing.
                [connection] = await connect(self.asked.base, 1)
            self.accepted += 1
            status, _ = await connection.ask(self._request)
            if status not in _ACCEPTED:
                self.accepted -= 1
                self.errors += 1
                await asyncio.sleep(_LOOK_S)
        connection.close()

    async def watch(self, windows: int) -> list[float]:
        """Return how many orders ended in each window, as orders a minute."""
        per_minute: list[float] = []
        asked, began, ended = self.asked, perf_counter() + self.asked.warmup, 0
        connection = await psycopg.AsyncConnection.connect(asked.db, autocommit=True)
        async with connection:
            first = await _count(connection, asked.done_sql)
            while len(per_minute) < windows:
                await asyncio.sleep(_LOOK_S)
                self.ended = await _count(connection, asked.done_sql) - first
                now = perf_counter()
                if now < began:
                    since, ended = now, self.ended
                elif now - since >= asked.secs:
                    per_minute.append(60 * (self.ended - ended) / (now - since))
                    since, ended = now, self.ended
        self.over = True
        return per_minute


async def feed(asked: Namespace) -> dict[str, Any]:
    """Run for `windows` windows of `secs` seconds each, after `warmup` seconds."""
    feeding = _Feed(asked)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(feeding.watch(asked.windows))
        for _ in range(asked.c):
            group.create_task(feeding.place())
    return {
        "per_minute": watching.result(),
        "accepted": feeding.accepted,
        "ended": feeding.ended,
        "errors": feeding.errors,
    }


async def _count(connection: psycopg.AsyncConnection, query: str) -> int:
    cursor = await connection.execute(query.encode())
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
