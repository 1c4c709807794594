"""Waits that can be cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress


async def pause(unless: asyncio.Event, seconds: float) -> None:
    """Sleep, but wake up at once when the event is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await unless.wait()


def backoff(first_s: float, longest_s: float) -> Iterator[float]:
    """Yield pauses for ever, in seconds: doubled each time, up to the longest."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, longest_s)
