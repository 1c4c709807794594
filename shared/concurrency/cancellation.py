"""Cancellation that libraries on Python 3.11 would forget.

redis-py and psycopg's pool wait with `asyncio.wait_for`, and that one, before Python 3.12, returns
as if nothing had happened when a cancellation comes together with what it waits for. A task that
loops would then never end, and whoever waits for its end would not either. Our own code may not
use it (the linter refuses it): `asyncio.timeout` does the same, and forgets nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def heeding(call: Awaitable[T]) -> T:
    """Return what `call` returns, unless the task was cancelled meanwhile."""
    task = asyncio.current_task()
    # Compared, because a task may well make calls after it was cancelled, to tidy up.
    before = task.cancelling() if task else 0
    try:
        return await call
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
