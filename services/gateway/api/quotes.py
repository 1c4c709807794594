"""Show what the venues offer, and which offer would win, without an order."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import problems, reply, takes_body
from services.gateway.openapi.schemas import QuotesView
from services.gateway.orders.parsing import read_order
from services.gateway.orders.requests import OrderRequest
from shared.errors import ServerAway
from shared.orders.codec import builtins
from shared.orders.values import Quote, SwapIntent
from shared.routing.choose import Handicaps, best_quote, min_out
from shared.routing.panel import Panel
from shared.tokens.registry import Tokens
from shared.venues.protocol import VenueUnavailable

_QUOTES = problems(
    *(Code.MALFORMED_BODY, Code.INVALID_ORDER, Code.UNKNOWN_TOKEN, Code.BODY_TIMEOUT),
    *(Code.BODY_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.INTERNAL_ERROR),
    Code.QUOTES_UNAVAILABLE,
)


class Quoting:
    """Asks the venues just as the router does, and chooses by the same rule."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    async def __call__(self, intent: SwapIntent) -> dict[str, Any]:
        """Return every quote and refusal, and the choice. Raises `Problem` when none answers."""
        try:
            quotes, refusals = await self._panel.ask(intent)
        except (VenueUnavailable, ServerAway) as error:
            raise Problem(Code.QUOTES_UNAVAILABLE, str(error)) from None
        best = best_quote(quotes, Handicaps(discounts=self._panel.discounts))
        if best is not None and best.net_out <= 0:  # An order would fail with NO_ROUTE.
            best = None
        shown: dict[str, Any] = builtins(
            {
                "quotes": [_shown(quote, intent) for quote in quotes],
                "refusals": refusals,
                "best": best and _shown(best, intent),
            }
        )
        return shown


def _shown(quote: Quote, intent: SwapIntent) -> dict[str, Any]:
    least = min_out(quote.amount_out, intent.max_slippage_bps)
    fields: dict[str, Any] = builtins(quote)
    return {**fields, "netOut": quote.net_out, "minOut": least}


def quote_routes(quoting: Quoting, tokens: Tokens) -> APIRouter:
    """Return the route that shows quotes."""
    router = APIRouter(prefix="/api", tags=["quotes"], route_class=BareRoute)

    async def get_quotes(request: Request) -> Response:
        """Ask every venue, and say which of them an order like this would go to now.

        The body is that of an order; nothing is placed. `best` is null when no venue offers
        anything worth the network fee.
        """
        order = await read_order(request, tokens)
        return json_answer(await quoting(order.intent))

    router.add_api_route(
        "/quotes",
        get_quotes,
        methods=["POST"],
        responses={200: reply(QuotesView, "The offers, and the choice"), **_QUOTES},
        openapi_extra=takes_body(OrderRequest),
    )
    return router
