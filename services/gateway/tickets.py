"""Tickets for WebSockets: browsers can send no key with them, and addresses must hold none."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access import Caller, caller_of
from services.gateway.describe import problems, reply
from services.gateway.problems import Code, Problem
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.redis.tickets import LIFE_S, issue, redeem


class Tickets:
    """Exchanges a key for a ticket, and a ticket for who got it."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def issue(self, request: Request) -> Response:
        """Return a ticket: a WebSocket whose address ends with ?ticket= needs no key, once."""
        try:
            ticket = await issue(
                self._log.client, self._log.keys, msgspec.json.encode(caller_of(request))
            )
        except LogUnavailable:
            raise Problem(Code.TICKETS_UNAVAILABLE) from None
        body = msgspec.json.encode({"ticket": ticket, "expiresIn": LIFE_S})
        return Response(body, media_type="application/json")

    async def caller(self, ticket: str) -> Caller:
        """Return who got the ticket, which is used up then. Raises `Problem`."""
        try:
            meaning = await redeem(self._log.client, self._log.keys, ticket)
        except LogUnavailable:
            raise Problem(Code.TICKETS_UNAVAILABLE) from None
        if meaning is None:
            raise Problem(Code.UNAUTHENTICATED, "the ticket was used, or is too old; get a new one")
        return msgspec.json.decode(meaning, type=Caller)

    def routes(self) -> APIRouter:
        """Return the route that gives tickets out."""
        router = APIRouter(tags=["access"])
        router.add_api_route(
            "/api/ws-ticket",
            self.issue,
            methods=["POST"],
            responses={
                200: reply("TicketView", "A ticket for one WebSocket"),
                **problems(Code.TICKETS_UNAVAILABLE, Code.INTERNAL_ERROR),
            },
        )
        return router
