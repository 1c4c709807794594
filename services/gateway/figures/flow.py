"""How orders flow: how many stand where, how many come and end, and how long each hop takes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.figures.pulse import Beats, Pulse
from services.gateway.figures.servers import answered
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.figures import FlowView
from services.gateway.openapi.operations import problems, reply
from shared.archive.archive import Archive
from shared.archive.open_orders import OpenCounts
from shared.clock import rfc3339, utc_now
from shared.concurrency.ticked import Ticked
from shared.observability.counting import HOPS, TOTAL, Times
from shared.orders.events import (
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderFailed,
    OrderSubmitted,
)
from shared.orders.states import Status

_FRESH_S: Final = 1.0
_RATE_S: Final = 10
_HOPS_S: Final = 60
_ENDS: Final = {
    "confirmed": OrderConfirmed.__name__,
    "failed": OrderFailed.__name__,
    "cancelled": OrderCancelled.__name__,
    "expired": OrderExpired.__name__,
}
_COUNTED: Final = {"submitted": OrderSubmitted.__name__, **_ENDS}
_OPEN: Final = (Status.PENDING, Status.ROUTING, Status.BUILDING, Status.SUBMITTED)

Counts = Mapping[str, int]


class Flow:
    """Looks the figures up, once a second however many ask."""

    def __init__(self, pulse: Pulse, archive: Archive) -> None:
        self._pulse, self._archive = pulse, archive
        self._looked: Ticked[None, dict[str, Any]] = Ticked(self._look, _FRESH_S)

    async def __call__(self) -> dict[str, Any]:
        """Return the figures. Those that cannot be told now are null, and `notes` say why."""
        return await self._looked(None)

    async def _look(self, _key: None) -> dict[str, Any]:
        beats, counts, open_orders = await asyncio.gather(
            answered(self._pulse()),
            answered(self._archive.event_counts()),
            answered(self._archive.open_orders()),
        )
        notes = [f"Redis: {beats.why}"] if beats.why else []
        if why := open_orders.why or counts.why:
            notes.append(f"PostgreSQL: {why}")
        return {
            "asOf": rfc3339(beats.answer.ends_at if beats.answer else utc_now()),
            "open": open_orders.answer and _standing(open_orders.answer),
            "ended": None if counts.answer is None else _ended(counts.answer),
            "rates": beats.answer and rates_of(beats.answer.counts),
            "hops": beats.answer and hops_of(beats.answer.counts),
            "history": beats.answer and _history(beats.answer),
            "notes": notes,
        }


def _standing(found: OpenCounts) -> dict[str, int]:
    by_status = {status.value: found.by_status.get(status, 0) for status in _OPEN}
    return {**by_status, "unresolved": found.unresolved}


def _ended(counts: Counts) -> dict[str, int]:
    return {status: counts.get(kind, 0) for status, kind in _ENDS.items()}


def rates_of(seconds: Sequence[Counts]) -> dict[str, float]:
    """Return how many orders came and ended a second, over the last ten."""
    last = seconds[-_RATE_S:]
    return {
        name: round(sum(counts.get(kind, 0) for counts in last) / _RATE_S, 1)
        for name, kind in _COUNTED.items()
    }


def hops_of(seconds: Sequence[Counts]) -> list[dict[str, Any]]:
    """Return how long each hop took within the last minute."""
    together: Counter[str] = Counter()
    for counts in seconds[-_HOPS_S:]:
        together.update(counts)
    return [{"name": hop, **_quantiles(Times(together, hop))} for hop in HOPS]


def _quantiles(times: Times) -> dict[str, Any]:
    return {
        "p50Ms": times.quantile_ms(0.5),
        "p99Ms": times.quantile_ms(0.99),
        "count": times.count,
    }


def _history(beats: Beats) -> dict[str, Any]:
    totals = [Times(counts, TOTAL) for counts in beats.counts]
    return {
        "endsAt": rfc3339(beats.ends_at),
        "stepS": 1,
        **{
            name: [counts.get(_COUNTED[name], 0) for counts in beats.counts]
            for name in ("submitted", "confirmed", "failed")
        },
        "p50Ms": [times.quantile_ms(0.5) for times in totals],
        "p99Ms": [times.quantile_ms(0.99) for times in totals],
    }


def flow_routes(flow: Flow) -> APIRouter:
    """Return the route that shows the flow."""
    router = APIRouter(prefix="/api", tags=["operation"], route_class=BareRoute)

    async def get_flow(_request: Request) -> Response:
        """Show how many orders stand where, how many come and end a second, and how long it takes.

        The figures are those of all accounts and at most a second old. What cannot be told now is
        null, and `notes` say why; there is no 503. Quantiles are of all replicas together, as fine
        as the buckets of the metrics. An event counts in the second in which its service has told,
        up to a second after it.
        """
        return json_answer(await flow())

    router.add_api_route(
        "/flow",
        get_flow,
        responses={200: reply(FlowView, "The figures"), **problems(Code.INTERNAL_ERROR)},
    )
    return router
