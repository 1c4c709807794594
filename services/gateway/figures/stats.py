"""How much is going on, in a few figures."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.following.websockets import Sockets
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import problems, reply
from services.gateway.openapi.schemas import StatsView
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.orders.dispatch import GROUPS
from shared.orders.events import OrderCancelled, OrderConfirmed, OrderExpired, OrderFailed
from shared.orders.states import Status
from shared.streams.consumer.backlog import Backlog, backlog_of
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log

FRESH_S = 1.0

_ENDS = {
    "completed": OrderConfirmed.__name__,
    "failed": OrderFailed.__name__,
    "cancelled": OrderCancelled.__name__,
    "expired": OrderExpired.__name__,
}


class Stats:
    """Looks the figures up, once a second however many ask."""

    def __init__(self, log: Log, archive: Archive, sockets: Sockets) -> None:
        self._log = log
        self._archive = archive
        self._sockets = sockets
        self._looking = asyncio.Lock()
        self._figures: dict[str, Any] = {}
        self._stale_at = 0.0

    async def __call__(self) -> dict[str, Any]:
        """Return the figures. Raises `Problem` when they cannot be told now."""
        now = asyncio.get_running_loop().time
        async with self._looking:
            if now() >= self._stale_at:
                self._figures = await self._look()
                self._stale_at = now() + FRESH_S
        return {**self._figures, "websocket": {"connections": self._sockets.connections}}

    async def _look(self) -> dict[str, Any]:
        try:
            counts, open_orders = await asyncio.gather(
                self._archive.event_counts(), self._archive.open_orders()
            )
            backlogs = [await backlog_of(self._log, group) for group in GROUPS]
        except (ArchiveUnavailable, LogUnavailable):
            raise Problem(Code.STATS_UNAVAILABLE) from None
        waiting = open_orders.by_status.get(Status.PENDING, 0)
        return {
            "queue": {
                "waiting": waiting,
                "active": sum(open_orders.by_status.values()) - waiting,
                **{name: counts.get(kind, 0) for name, kind in _ENDS.items()},
            },
            "lag": dict(zip(GROUPS, map(_entries, backlogs), strict=True)),
        }


def _entries(backlog: list[Backlog]) -> int | None:
    lags = [part.lag for part in backlog]
    if None in lags:
        return None
    return sum(lag or 0 for lag in lags) + sum(part.pending for part in backlog)


def stats_routes(stats: Stats) -> APIRouter:
    """Return the route that shows the figures."""
    router = APIRouter(prefix="/api/orders", tags=["operation"], route_class=BareRoute)

    async def get_stats(_request: Request) -> Response:
        """Show how many orders wait, are under way and have ended, and how far services lag.

        The figures are those of all accounts and at most a second old; the sockets are those of
        the gateway that answers.
        """
        return json_answer(await stats())

    router.add_api_route(
        "/stats",
        get_stats,
        responses={
            200: reply(StatsView, "The figures"),
            **problems(Code.INTERNAL_ERROR, Code.STATS_UNAVAILABLE),
        },
    )
    return router
