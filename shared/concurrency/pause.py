"""Waits that can be cut short."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def pause(unless: asyncio.Event, seconds: float) -> None:
    """Sleep, but wake up at once when the event is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(unless.wait(), seconds)
