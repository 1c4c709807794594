"""Look up what Idempotency-Keys left behind."""

from __future__ import annotations

from collections.abc import Sequence

from shared.streams.log import Log
from shared.streams.redis.client import checked


async def known(log: Log, markers: Sequence[str]) -> list[bool]:
    """Return of each marker whether an order was accepted under its key, in one round trip.

    Raises `LogUnavailable`.
    """
    replies = await log.client.run([("EXISTS", marker) for marker in markers])
    return [bool(checked(reply)) for reply in replies]
