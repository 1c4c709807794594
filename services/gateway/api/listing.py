"""Lists of orders, newest first, page by page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import caller_of
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import problems, reply, takes_query
from services.gateway.openapi.schemas import OrderPage
from services.gateway.orders.cursors import encode_cursor
from services.gateway.orders.list_requests import ListQuery, read_query
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.archive.lists.orders import ListedOrder
from shared.orders.codec import builtins
from shared.orders.telling.figures import vs_quote_bps
from shared.tokens.registry import Tokens

COUNTED = 10_000  # A total is counted so far: each order of it is read.


def list_routes(archive: Archive, tokens: Tokens) -> APIRouter:
    """Return the route that lists orders."""
    router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=BareRoute)

    async def list_orders(request: Request) -> Response:
        """List orders, newest first; `next`, unless it is null, is the cursor of the next page.

        Orders that come in meanwhile shift nothing. With `updatedSince` the list is of changes, the
        oldest first. The list follows the log, mostly within
        milliseconds; a single order is shown as it stands.
        """
        query = read_query(request.query_params)
        wanted = query.filter_for(caller_of(request), tokens)
        try:
            found = await archive.orders(wanted, query.place, query.limit + 1)
            counted = await archive.count(wanted, COUNTED + 1) if query.total == "true" else None
        except ArchiveUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        total = {} if counted is None else {"total": _total(counted)}
        return json_answer(_page(found, query) | total)

    router.add_api_route(
        "",
        list_orders,
        responses={
            200: reply(OrderPage, "A page of orders"),
            **problems(Code.INVALID_QUERY, Code.INTERNAL_ERROR, Code.HISTORY_UNAVAILABLE),
        },
        openapi_extra=takes_query(ListQuery),
    )
    return router


def _total(counted: int) -> dict[str, Any]:
    return {"count": min(counted, COUNTED), "exact": counted <= COUNTED}


def _page(found: list[ListedOrder], query: ListQuery) -> dict[str, Any]:
    shown = found[: query.limit]
    more = len(found) > query.limit
    last = shown[-1].place(query.ranked_by) if more else None
    return {
        "orders": [_summary(order) for order in shown],
        "next": last and encode_cursor(last, query.ranked_by),
    }


def _summary(order: ListedOrder) -> dict[str, Any]:
    against = vs_quote_bps(order.amount_out, order.quoted_out)
    fields: dict[str, Any] = builtins(order)
    return {**fields, "vsQuoteBps": builtins(against)}
