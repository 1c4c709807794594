"""Lists of orders and of fills, page by page, or as a file."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import APIRouter
from msgspec.structs import fields
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Caller, caller_of
from services.gateway.api.exports import Exports, Listing
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import csv_too, problems, reply, takes_query
from services.gateway.openapi.schemas import FillPage, OrderPage
from services.gateway.orders.cursors import encode_cursor
from services.gateway.orders.list_requests import FillQuery, ListQuery
from services.gateway.orders.paging import PageQuery, read_page_query
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.archive.lists.fills import Fill, fills_page
from shared.archive.lists.orders import AGAINST, ListedOrder, orders_page, summary
from shared.tokens.registry import Tokens

R = TypeVar("R")

COUNTED = 10_000  # A total is counted so far: each order of it is read.

_LISTED = problems(
    *(Code.INVALID_QUERY, Code.INTERNAL_ERROR, Code.HISTORY_UNAVAILABLE, Code.TOO_MANY_EXPORTS)
)


def list_routes(archive: Archive, tokens: Tokens, exports: Exports) -> APIRouter:
    """Return the routes that list orders and fills."""
    router = APIRouter(prefix="/api", tags=["orders"], route_class=BareRoute)

    async def list_orders(request: Request) -> Response:
        """List orders, newest first; `next`, unless it is null, is the cursor of the next page.

        Orders that come in meanwhile shift nothing. With `updatedSince` the list is of changes, the
        oldest first. The list follows the log, mostly within milliseconds; a single order is shown
        as it stands.
        """
        query = read_page_query(ListQuery, request.query_params)
        caller = caller_of(request)
        wanted = query.filter_for(caller, tokens)
        listing = Listing(
            name="orders",
            columns=_columns(ListedOrder),
            page=lambda after, limit: orders_page(wanted, after, limit),
            place=lambda order: order.place(query.ranked_by == "updated"),
            fields=summary,
        )
        return await _answer(listing, query, caller)

    async def list_fills(request: Request) -> Response:
        """List fills: one for each confirmed swap, the one that was confirmed last first.

        `amountIn` is what was given, exactly, and `amountOut` what was paid, by the chain's word.
        """
        query = read_page_query(FillQuery, request.query_params)
        caller = caller_of(request)
        wanted = query.filter_for(caller, tokens)
        listing = Listing(
            name="fills",
            columns=_columns(Fill),
            page=lambda after, limit: fills_page(wanted, after, limit),
            place=lambda fill: fill.place,
            fields=summary,
        )
        return await _answer(listing, query, caller)

    async def _answer(listing: Listing[R], query: PageQuery, caller: Caller) -> Response:
        if query.format == "csv":
            return exports.answer(listing, query, caller)
        try:
            found = await archive.page(listing.page(query.place, query.most + 1))
            total = {}
            if query.total == "true":
                total = {"total": _total(await archive.count(listing.page(None, COUNTED + 1)))}
        except ArchiveUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        return json_answer(_page(listing, found, query) | total)

    router.add_api_route(
        "/orders",
        list_orders,
        responses={200: csv_too(reply(OrderPage, "A page of orders")), **_LISTED},
        openapi_extra=takes_query(ListQuery),
    )
    router.add_api_route(
        "/fills",
        list_fills,
        responses={200: csv_too(reply(FillPage, "A page of fills")), **_LISTED},
        openapi_extra=takes_query(FillQuery),
    )
    return router


def _columns(kind: type[ListedOrder | Fill]) -> tuple[str, ...]:
    return (*(field.encode_name for field in fields(kind)), AGAINST)


def _total(counted: int) -> dict[str, Any]:
    return {"count": min(counted, COUNTED), "exact": counted <= COUNTED}


def _page(listing: Listing[R], found: list[R], query: PageQuery) -> dict[str, Any]:
    shown = found[: query.most]
    last = listing.place(shown[-1]) if len(found) > query.most else None
    return {
        listing.name: [listing.fields(row) for row in shown],
        "next": last and encode_cursor(last, query.ranked_by),
    }
