"""Orders that a group has put off: parked until they fall due."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.streams.log.log import Log


async def due_at(log: Log, group: str, order_id: str) -> datetime | None:
    """Return when a parked order falls due, by Redis's clock, or None if it is not parked.

    While a replica looks at it, that is when another one would. Raises `LogUnavailable`.
    """
    parked = log.keys.due(log.keys.partition_of(order_id), group)
    due_ms = await log.client.call("ZSCORE", parked, order_id)
    return None if due_ms is None else datetime.fromtimestamp(float(due_ms) / 1_000, UTC)
