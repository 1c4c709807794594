"""One-time tickets: whoever brings one gets what it was issued for, once and soon."""

from __future__ import annotations

import hashlib
import secrets

from shared.streams.redis.client import Client
from shared.streams.redis.keys import Keys

LIFE_S = 30


async def issue(client: Client, keys: Keys, meaning: bytes) -> str:
    """Return a new ticket for `meaning`. Raises `LogUnavailable`."""
    ticket = secrets.token_urlsafe(24)
    await client.call("SET", _key(keys, ticket), meaning, "EX", LIFE_S)
    return ticket


async def redeem(client: Client, keys: Keys, ticket: str) -> bytes | None:
    """Return what a ticket was issued for; None when it was used, is too old, or never was.

    Raises `LogUnavailable`.
    """
    meaning: bytes | None = await client.call("GETDEL", _key(keys, ticket))
    return meaning


def _key(keys: Keys, ticket: str) -> str:
    # By its digest: who reads Redis must not find tickets there.
    digest = hashlib.sha256(ticket.encode(errors="surrogateescape")).hexdigest()
    return keys.ticket(digest)
