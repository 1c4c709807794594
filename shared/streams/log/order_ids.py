"""New order ids, and the markers of Idempotency-Keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.keys import Keys

_KEYS = UUID("6f2d4c5e-9a0b-5d55-8f5c-1f6f0c1f3a77")  # Our own namespace for Idempotency-Keys.


def new_order_id(now: datetime) -> str:
    """Return an id that nobody else makes."""
    ms = int(now.timestamp() * 1_000)
    random = secrets.randbits(74)
    value = ms << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_for_key(keys: Keys, account: str, key: str, now: datetime) -> tuple[str, str]:
    """Return the name of an Idempotency-Key's marker, and a new order id in its partition.

    One script can then check the marker and append the order. The id itself is new every time:
    a key that is used again after it was forgotten must not name an order that ended long ago.
    """
    marker = uuid5(_KEYS, f"{account}\0{key}").hex
    partition = keys.partition_of(marker)
    while True:  # Ends: each try hits with a chance of one in `partitions`.
        order_id = new_order_id(now)
        if keys.partition_of(order_id) == partition:
            return keys.marker(partition, marker), order_id


async def known(log: Log, markers: Sequence[str]) -> list[bool]:
    """Return of each marker whether an order was accepted under its key, in one round trip.

    Raises `LogUnavailable`.
    """
    replies = await log.client.run([("EXISTS", marker) for marker in markers])
    return [bool(checked(reply)) for reply in replies]
