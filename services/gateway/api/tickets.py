"""The address that gives out tickets for WebSockets."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import caller_of
from services.gateway.access.tickets import Tickets
from services.gateway.http.answers import json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.operations import problems, reply
from services.gateway.openapi.schemas import TicketView
from shared.streams.redis.tickets import LIFE_S


def ticket_routes(tickets: Tickets) -> APIRouter:
    """Return the route that gives tickets out."""
    router = APIRouter(tags=["access"])

    async def create_ticket(request: Request) -> Response:
        """Return a ticket: a WebSocket whose address ends with ?ticket= needs no key, once."""
        ticket = await tickets.issue(caller_of(request))
        return json_answer({"ticket": ticket, "expiresIn": LIFE_S})

    router.add_api_route(
        "/api/ws-ticket",
        create_ticket,
        methods=["POST"],
        responses={
            200: reply(TicketView, "A ticket for one WebSocket"),
            **problems(Code.TICKETS_UNAVAILABLE, Code.INTERNAL_ERROR),
        },
    )
    return router
