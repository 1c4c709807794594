"""Look up what an Idempotency-Key left behind."""

from __future__ import annotations

from shared.streams.log import Log


async def is_known(log: Log, marker: str) -> bool:
    """Return whether an order was accepted under the key of `marker`. Raises `LogUnavailable`."""
    return bool(await log.client.call("EXISTS", marker))
