"""How well swaps were done lately, venue by venue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Caller, Role, caller_of
from services.gateway.figures.servers import answered
from services.gateway.http.answers import BareRoute, given_once, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.figures import QualityView
from services.gateway.openapi.operations import problems, reply, takes_query
from services.gateway.orders.parsing import field_errors
from services.gateway.orders.requests import in_utc, timestamp
from shared.archive.archive import Archive
from shared.archive.figures.quality import MOST_ORDERS, VenueQuality
from shared.clock import rfc3339, utc_now
from shared.concurrency.ticked import Ticked

_FRESH_S: Final = 5.0
_USUAL: Final = timedelta(hours=1)
_DEADLINE_S: Final = 4.0
_REMEMBERED: Final = 200


class QualityQuery(BaseModel):
    """The time that is looked at."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[AwareDatetime, BeforeValidator(timestamp), AfterValidator(in_utc)] | None = (
        Field(default=None, description="Submitted then or later; an hour ago when it is left out")
    )


class _Asked(NamedTuple):
    account: str | None
    since: datetime | None


class Quality:
    """Looks the archive up, every five seconds however many ask for the same."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._looked: Ticked[_Asked, dict[str, Any]] = Ticked(
            self._look, _FRESH_S, limit=_REMEMBERED
        )

    async def __call__(self, caller: Caller, since: datetime | None) -> dict[str, Any]:
        """Return the quality of the orders that the caller may see."""
        account = None if caller.role is Role.ADMIN else caller.account
        return await self._looked(_Asked(account, since))

    async def _look(self, asked: _Asked) -> dict[str, Any]:
        until = utc_now()
        since = asked.since or until - _USUAL
        reading = self._archive.quality(asked.account, since, until)
        found = await answered(reading, _DEADLINE_S)
        orders = None if found.answer is None else sum(one.orders for one in found.answer)
        return {
            "since": rfc3339(since),
            "until": rfc3339(until),
            "orders": orders,
            "venues": None if found.answer is None else _shown(found.answer),
            "truncated": orders == MOST_ORDERS,
            "notes": [f"PostgreSQL: {found.why}"] if found.why else [],
        }


def _shown(venues: Sequence[VenueQuality]) -> list[dict[str, Any]]:
    return [
        {
            "venue": one.venue or None,
            "confirmed": one.confirmed,
            "failed": one.failed,
            "vsQuoteBps": {
                "p5": _text(one.p5_bps),
                "p50": _text(one.p50_bps),
                "p95": _text(one.p95_bps),
            },
            "tookMs": {"p50": _rounded(one.p50_ms), "p99": _rounded(one.p99_ms)},
            "fails": dict(sorted(one.fails.items(), key=lambda pair: (-pair[1], pair[0]))),
        }
        for one in venues
        if one.confirmed or one.failed
    ]


def _text(bps: Decimal | None) -> str | None:
    return None if bps is None else f"{bps:.2f}"


def _rounded(took_ms: float | None) -> int | None:
    return None if took_ms is None else round(took_ms)


def since_in(query: QueryParams) -> datetime | None:
    """Return the time that a query names, if there is any. Raises `Problem`."""
    given_once(query, "since", Code.INVALID_QUERY)
    try:
        return QualityQuery.model_validate(dict(query)).since
    except ValidationError as error:
        raise Problem(Code.INVALID_QUERY, errors=field_errors(error)) from None


def quality_routes(quality: Quality) -> APIRouter:
    """Return the route that shows the quality."""
    router = APIRouter(prefix="/api", tags=["venues"], route_class=BareRoute)

    async def get_quality(request: Request) -> Response:
        """Show how well swaps were done: paid against quoted, times, failures by reason, by venue.

        The newest 10,000 orders that have ended are looked at, of those that the caller may see.
        `truncated` says that there were as many, and perhaps more. There is no 503: while
        PostgreSQL is away `venues` is null, and `notes` say so.
        """
        since = since_in(request.query_params)
        return json_answer(await quality(caller_of(request), since))

    router.add_api_route(
        "/quality",
        get_quality,
        responses={
            200: reply(QualityView, "The quality"),
            **problems(Code.INVALID_QUERY, Code.INTERNAL_ERROR),
        },
        openapi_extra=takes_query(QualityQuery),
    )
    return router
