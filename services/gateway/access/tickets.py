"""Tickets for WebSockets: browsers can send no key with them, and addresses must hold none."""

from __future__ import annotations

from services.gateway.access.callers import Access, Caller
from services.gateway.http.problems import Code, Problem
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.redis.tickets import issue, redeem


class Tickets:
    """Exchanges a key for a ticket, and a ticket for who has that key by then."""

    def __init__(self, log: Log, access: Access) -> None:
        self._log = log
        self._access = access

    async def issue(self, caller: Caller) -> str:
        """Return a ticket for the caller, which is good once. Raises `Problem`."""
        try:
            return await issue(self._log.client, self._log.keys, caller.key.encode())
        except LogUnavailable:
            raise Problem(Code.TICKETS_UNAVAILABLE) from None

    async def caller(self, ticket: str) -> Caller:
        """Return who got the ticket, which is used up then. Raises `Problem`."""
        try:
            meaning = await redeem(self._log.client, self._log.keys, ticket)
        except LogUnavailable:
            raise Problem(Code.TICKETS_UNAVAILABLE) from None
        if meaning is None:
            raise Problem(Code.UNAUTHENTICATED, "the ticket was used, or is too old; get a new one")
        return self._access.holder(meaning.decode())
