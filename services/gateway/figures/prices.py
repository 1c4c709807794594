"""Prices of pairs by venue, for charts: the gateway's own venues, asked at most once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.figures.pairs import MOST_PAIRS, Pair, pairs_in
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.figures import PricesQuery, PricesView
from services.gateway.openapi.operations import problems, reply, takes_query
from shared.clock import rfc3339, utc_now
from shared.concurrency.ticked import Ticked
from shared.orders.values import Quote, SwapIntent
from shared.routing.ask import answer_of
from shared.tokens.registry import Tokens
from shared.venues.http.service import Service
from shared.venues.onchain.opening import SPLIT
from shared.venues.protocol import Venue

_FRESH_S: Final = 1.0
_REMEMBERED: Final = 200
_DEFAULT_QUOTE: Final = "USDC"
_BPS: Final = 10_000
_SHOWN: Final = Context(prec=9)
_NOT_ASKED: Final = "not asked for prices: the rate of a venue behind HTTP is for orders"


class Price(NamedTuple):
    """What a venue takes (`ask`) and gives (`bid`) for one base, or why it says neither."""

    venue: str
    bid: Decimal | None
    ask: Decimal | None
    why: str | None

    def shown(self, at: str) -> dict[str, Any]:
        """Return it as clients see it."""
        bid, ask = _text(self.bid), _text(self.ask)
        return {"venue": self.venue, "bid": bid, "ask": ask, "at": at, "why": self.why}


class Prices:
    """Asks each venue to buy and to sell for a small amount; nothing is placed."""

    def __init__(self, venues: Sequence[Venue], tokens: Tokens, deadline_s: float) -> None:
        """`deadline_s` is for one quote."""
        # A split is of other venues' pools, and has no price of its own.
        self._venues = [venue for venue in venues if venue.name != SPLIT]
        self._tokens = tokens
        self._deadline_s = deadline_s
        self._asked: Ticked[Pair, dict[str, Any]] = Ticked(self._ask, _FRESH_S, limit=_REMEMBERED)

    async def __call__(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        """Return the prices of these pairs, or of every token in USDC where none is given."""
        wanted = pairs or self._usual()
        found = await asyncio.gather(*map(self._asked, wanted))
        return {"asOf": rfc3339(utc_now()), "pairs": found}

    def _usual(self) -> list[Pair]:
        if _DEFAULT_QUOTE not in self._tokens.by_name:
            return []
        bases = [token.symbol for token in self._tokens.all if token.symbol != _DEFAULT_QUOTE]
        return [Pair(base, _DEFAULT_QUOTE) for base in bases[:MOST_PAIRS]]

    async def _ask(self, pair: Pair) -> dict[str, Any]:
        at = rfc3339(utc_now())
        prices = await asyncio.gather(*(self._price(venue, pair) for venue in self._venues))
        best_bid = max((one.bid for one in prices if one.bid is not None), default=None)
        best_ask = min((one.ask for one in prices if one.ask is not None), default=None)
        return {
            "pair": f"{pair.base}/{pair.quote}",
            "base": pair.base,
            "quote": pair.quote,
            "size": f"{pair.size:f}",
            "venues": [price.shown(at) for price in prices],
            "bestBid": _text(best_bid),
            "bestAsk": _text(best_ask),
            "spreadBps": spread_bps(best_bid, best_ask),
        }

    async def _price(self, venue: Venue, pair: Pair) -> Price:
        if isinstance(getattr(venue, "service", None), Service):
            return Price(venue.name, None, None, _NOT_ASKED)
        bought = await self._out(venue, pair.quote, pair.base, pair.size)
        if isinstance(bought, str):
            return Price(venue.name, None, None, bought)
        ask = pair.size / bought
        sold = await self._out(venue, pair.base, pair.quote, bought)
        if isinstance(sold, str):
            return Price(venue.name, None, ask, sold)
        return Price(venue.name, sold / bought, ask, None)

    async def _out(self, venue: Venue, given: str, got: str, amount: Decimal) -> Decimal | str:
        """Return what the venue pays before the chain's fee, or why it does not."""
        intent = SwapIntent(token_in=given, token_out=got, amount_in=amount, max_slippage_bps=100)
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await answer_of(venue, intent, _nobody)
        except TimeoutError:
            return f"no quote within {self._deadline_s * 1_000:.0f} ms"
        if isinstance(answer, Quote):
            return answer.amount_out or "it pays nothing for so little"
        return str(answer) or type(answer).__name__


def _nobody(_venue: str, _answer: Quote | Exception, _spent_s: float) -> None:
    """Listen to no answer: orders, and not charts, tell whether a venue is well."""


def spread_bps(bid: Decimal | None, ask: Decimal | None) -> str | None:
    """Return how far the best ask lies above the best bid, in 0.01 % of their mean.

    It is negative where one venue pays more than another takes.
    """
    if bid is None or ask is None:
        return None
    return f"{2 * _BPS * (ask - bid) / (ask + bid):.2f}"


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{_SHOWN.plus(price):f}"


def price_routes(prices: Prices, tokens: Tokens) -> APIRouter:
    """Return the route that shows prices."""
    router = APIRouter(prefix="/api", tags=["quotes"], route_class=BareRoute)

    async def get_prices(request: Request) -> Response:
        """Show what each venue takes and gives for a token at the moment.

        For `ask`, 100 USDC or USDT, or 1 of any other token, is swapped into the base; for `bid`
        what this buys is swapped back. Both are after the venue's fee and price impact, and before
        the chain's fee. A venue is asked at most once a second a pair, however many ask here; those
        behind HTTP are not asked. `why` says why a venue tells no price.
        """
        return json_answer(await prices(pairs_in(request.query_params, tokens)))

    router.add_api_route(
        "/prices",
        get_prices,
        responses={
            200: reply(PricesView, "The prices"),
            **problems(Code.INVALID_QUERY, Code.UNKNOWN_TOKEN, Code.INTERNAL_ERROR),
        },
        openapi_extra=takes_query(PricesQuery),
    )
    return router
