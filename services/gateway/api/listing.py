"""Lists of orders, newest first, page by page."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from msgspec import Meta, Struct
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Caller, Role, caller_of
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, FieldError, Problem
from services.gateway.openapi.operations import problems, reply, takes_query
from services.gateway.openapi.schemas import OrderPage
from services.gateway.orders.parsing import field_errors
from services.gateway.orders.requests import (
    ClientOrderId,
    TokenName,
    in_utc,
    spelled,
    timestamp,
    whole_number,
)
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.archive.listing import Filter, ListedOrder, Place
from shared.orders.codec import builtins
from shared.orders.states import Status
from shared.orders.telling.figures import vs_quote_bps
from shared.tokens.registry import Tokens

LIMIT = 50
MOST = 200
COUNTED = 10_000  # A total is counted so far: each order of it is read.

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_VENUE = r"^[A-Za-z0-9._:-]{1,64}$"

Instant = Annotated[AwareDatetime, BeforeValidator(timestamp), AfterValidator(in_utc)]
Venue = Annotated[
    str,
    StringConstraints(pattern=_VENUE),
    spelled(_VENUE, "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -"),
]


class _Cursor(Struct, array_like=True):
    at: Annotated[datetime, Meta(tz=True)]
    order_id: Annotated[str, Meta(pattern=_UUID)]


_cursor = msgspec.json.Decoder(_Cursor)


def encode_cursor(place: Place) -> str:
    """Return a place as clients send it back. What it says is no promise."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def decode_cursor(text: str) -> Place | None:
    """Return the place that a cursor stands for, if it is not empty. Raises `ValueError`."""
    if not text:
        return None
    try:
        found = _cursor.decode(base64.urlsafe_b64decode(text.encode()))
        return Place(in_utc(found.at), found.order_id)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise ValueError("must be the `next` of a page") from None


class ListQuery(BaseModel):
    """Which orders to list. What is not given does not matter."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    status: Status | None = None
    venue: Venue | None = Field(default=None, description="The venue that was chosen last")
    token_in: TokenName | None = Field(default=None, description="Together with `tokenOut`")
    token_out: TokenName | None = None
    client_order_id: ClientOrderId | None = None
    since: Instant | None = Field(default=None, alias="from", description="Submitted then or later")
    until: Instant | None = Field(default=None, alias="to", description="Submitted before then")
    # Pydantic would also take "5_0" and " 50".
    limit: Annotated[int, BeforeValidator(whole_number)] = Field(default=LIMIT, ge=1, le=MOST)
    after: Annotated[
        Place | None, PlainValidator(decode_cursor, json_schema_input_type=str | None)
    ] = Field(default=None, alias="cursor", description="The `next` of the page before")

    total: Literal["true", "false"] = Field(
        default="false", description="Whether to count all that match, up to 10,000"
    )

    def filter_for(self, caller: Caller, tokens: Tokens) -> Filter:
        """Return the orders that are meant, of those that the caller may see."""
        return Filter(
            account=None if caller.role is Role.ADMIN else caller.account,
            client_order_id=self.client_order_id,
            status=self.status,
            venue=self.venue,
            token_in=self.token_in and tokens.symbol_of(self.token_in),
            token_out=self.token_out and tokens.symbol_of(self.token_out),
            since=self.since,
            until=self.until,
        )


def read_query(query: QueryParams) -> ListQuery:
    """Return what a query asks for. Raises `Problem` that names every wrong parameter."""
    wrong = [
        FieldError(name, "is given more than once")
        for name in query
        if len(query.getlist(name)) > 1
    ]
    for one, other in (("tokenIn", "tokenOut"), ("tokenOut", "tokenIn")):
        if one in query and other not in query:
            wrong.append(FieldError(other, f"is required with {one}"))
    try:
        read = ListQuery.model_validate(dict(query))
    except ValidationError as error:
        raise Problem(Code.INVALID_QUERY, errors=[*wrong, *field_errors(error)]) from None
    if wrong:
        raise Problem(Code.INVALID_QUERY, errors=wrong)
    return read


def list_routes(archive: Archive, tokens: Tokens) -> APIRouter:
    """Return the route that lists orders."""
    router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=BareRoute)

    async def list_orders(request: Request) -> Response:
        """List orders, newest first; `next`, unless it is null, is the cursor of the next page.

        Orders that come in meanwhile shift nothing. The list follows the log, mostly within
        milliseconds; a single order is shown as it stands.
        """
        query = read_query(request.query_params)
        wanted = query.filter_for(caller_of(request), tokens)
        try:
            found = await archive.orders(wanted, query.after, query.limit + 1)
            counted = await archive.count(wanted, COUNTED + 1) if query.total == "true" else None
        except ArchiveUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        total = {} if counted is None else {"total": _total(counted)}
        return json_answer(_page(found, query.limit) | total)

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


def _page(found: list[ListedOrder], limit: int) -> dict[str, Any]:
    shown = found[:limit]
    more = len(found) > limit
    return {
        "orders": [_summary(order) for order in shown],
        "next": encode_cursor(shown[-1].place) if more else None,
    }


def _summary(order: ListedOrder) -> dict[str, Any]:
    against = vs_quote_bps(order.amount_out, order.quoted_out)
    fields: dict[str, Any] = builtins(order)
    return {**fields, "vsQuoteBps": builtins(against)}
