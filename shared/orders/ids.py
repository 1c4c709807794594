"""Order ids: UUIDv7 (RFC 9562), so that they sort by time."""

from __future__ import annotations


def made_at(order_id: str) -> float:
    """Return when an id was made, in seconds since 1970. Raises `ValueError` for none of ours."""
    return int(order_id[:8] + order_id[9:13], 16) / 1_000
