"""One-time tickets: whoever brings one gets what it was issued for, once and soon."""

from __future__ import annotations

import hashlib
import secrets

from shared.streams.log import Log

LIFE_S = 30


async def issue(log: Log, meaning: bytes) -> str:
    """Return a new ticket for `meaning`. Raises `LogUnavailable`."""
    ticket = secrets.token_urlsafe(24)
    await log.client.call("SET", _key(log, ticket), meaning, "EX", LIFE_S)
    return ticket


async def redeem(log: Log, ticket: str) -> bytes | None:
    """Return what a ticket was issued for; None when it was used, is too old, or never was.

    Raises `LogUnavailable`.
    """
    meaning: bytes | None = await log.client.call("GETDEL", _key(log, ticket))
    return meaning


def _key(log: Log, ticket: str) -> str:
    # By its digest: who reads Redis must not find tickets there.
    digest = hashlib.sha256(ticket.encode(errors="surrogateescape")).hexdigest()
    return log.keys.ticket(digest)
