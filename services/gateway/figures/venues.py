"""Show how the venues do: whether they are asked, and whether they pay what they quote."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import problems, reply
from services.gateway.openapi.schemas import VenuesView
from shared.concurrency.ticked import Ticked
from shared.errors import ServerAway
from shared.streams.log.log import Log
from shared.venues.health.book import Kept, Seen, kept
from shared.venues.health.breaker import State
from shared.venues.health.record import Record, record
from shared.venues.http.service import Service
from shared.venues.protocol import Venue

_FRESH_S: Final = 1.0
_WORST_FIRST: Final = (State.OPEN, State.HALF_OPEN, State.UP)


class League:
    """Tells the record that all replicas keep; those who ask within a second share a read."""

    def __init__(self, venues: Sequence[Venue], log: Log) -> None:
        self._venues = venues
        self._log = log
        self._kept: Ticked[None, Kept] = Ticked(self._read, _FRESH_S)

    async def __call__(self) -> dict[str, Any]:
        """Return every venue that is configured. Raises `Problem` when Redis does not answer."""
        try:
            found = await self._kept(None)
            rates = await asyncio.gather(*map(_rate_of, self._venues))
        except ServerAway:
            raise Problem(Code.VENUES_UNAVAILABLE) from None
        return {
            "venues": [
                _shown(venue.name, found, rate)
                for venue, rate in zip(self._venues, rates, strict=True)
            ]
        }

    async def _read(self, _key: None) -> Kept:
        return await kept(self._log)


async def _rate_of(venue: Venue) -> dict[str, Any] | None:
    service = getattr(venue, "service", None)
    if not isinstance(service, Service):
        return None
    left = await service.left()
    return {
        "requests": service.rate.amount,
        "windowMs": service.rate.window_ms,
        "left": left.places,
        "restMs": left.rest_ms,
    }


def _shown(name: str, found: Kept, rate: Mapping[str, Any] | None) -> dict[str, Any]:
    told = found.records.get(name) or record({})
    seen = found.seen.get(name, {})
    state = min((one.state for one in seen.values()), key=_WORST_FIRST.index, default=State.UP)
    return {
        "name": name,
        "state": state,
        "why": _why(seen),
        "routers": dict(Counter(one.state for one in seen.values())),
        "quotes": _quotes(told),
        "won": _count(told.won),
        "landed": _count(told.landed),
        "lost": {reason: _count(count) for reason, count in sorted(told.lost.items())},
        "realised": None if told.realised is None else f"{told.realised:.6f}",
        "landingMs": None if told.landing_ms is None else round(told.landing_ms),
        "discountBps": told.discount_bps,
        "rate": rate,
    }


def _why(seen: Mapping[str, Seen]) -> str:
    return next((one.why for one in seen.values() if one.why), "")


def _quotes(told: Record) -> dict[str, Any]:
    return {
        "answered": _count(told.quoted),
        "refused": _count(told.refused),
        "failed": _count(told.failed),
        "p50Ms": told.quote_p50_ms,
        "p99Ms": told.quote_p99_ms,
    }


def _count(faded: float) -> float:
    return round(faded, 1)


def venue_routes(league: League) -> APIRouter:
    """Return the route that shows venues."""
    router = APIRouter(prefix="/api", tags=["venues"], route_class=BareRoute)

    async def list_venues(_request: Request) -> Response:
        """List the venues that orders may go to, and how each does.

        `state` is the worst that a router knows: `up` (asked for every order), `open` (passed over,
        because it failed or hung too often) or `halfOpen` (being tried again). Counts are those of
        all replicas, and fade: each halves every ten minutes. A venue that pays less than it
        quotes, or loses routes that it has won, has a discount: its quotes count for less.
        """
        return json_answer(await league())

    router.add_api_route(
        "/venues",
        list_venues,
        responses={
            200: reply(VenuesView, "The venues"),
            **problems(Code.INTERNAL_ERROR, Code.VENUES_UNAVAILABLE),
        },
    )
    return router
