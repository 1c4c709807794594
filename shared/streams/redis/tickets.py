"""One-time tickets: whoever brings one gets what it was issued for, once and soon.

A network, or a cluster's client, may deliver a write twice and late. So a ticket is written only
where none was, its time ends by the clock of the server that holds it, and one that was used is
remembered until then: a late copy finds the one or comes after the other.
"""

from __future__ import annotations

import hashlib
import secrets

from shared.streams.redis.client import Client
from shared.streams.redis.keys import Keys

LIFE_S = 30

_USED = b""
_TIME = "return redis.call('TIME')"  # Of the server that holds the key.


async def issue(client: Client, keys: Keys, meaning: bytes) -> str:
    """Return a new ticket for `meaning`. Raises `LogUnavailable`."""
    ticket = secrets.token_urlsafe(24)
    key = _key(keys, ticket)
    now_s, _ = await client.call("EVAL", _TIME, 1, key)
    await client.call("SET", key, meaning, "NX", "EXAT", int(now_s) + LIFE_S)
    return ticket


async def redeem(client: Client, keys: Keys, ticket: str) -> bytes | None:
    """Return what a ticket was issued for; None when it was used, is too old, or never was.

    Raises `LogUnavailable`.
    """
    meaning: bytes | None = await client.call(
        "SET", _key(keys, ticket), _USED, "XX", "GET", "KEEPTTL"
    )
    return meaning or None


def _key(keys: Keys, ticket: str) -> str:
    # By its digest: who reads Redis must not find tickets there.
    digest = hashlib.sha256(ticket.encode(errors="surrogateescape")).hexdigest()
    return keys.ticket(digest)
