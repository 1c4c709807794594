"""Lists of orders, newest first, page by page."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated, Any, Self

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
    StringConstraints,
    ValidationError,
    model_validator,
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
from services.gateway.orders.requests import ClientOrderId, TokenName, in_utc, timestamp
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.archive.listing import Filter, ListedOrder, Place
from shared.orders.codec import builtins
from shared.orders.states import Status
from shared.tokens.registry import Tokens

LIMIT = 50
MOST = 200

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SMALL_NUMBER = re.compile(r"[0-9]{1,4}")

Instant = Annotated[AwareDatetime, BeforeValidator(timestamp), AfterValidator(in_utc)]
Venue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


def _small_number(value: object) -> object:
    # Pydantic would also take "5_0" and " 50".
    if isinstance(value, str) and _SMALL_NUMBER.fullmatch(value):
        return int(value)
    raise ValueError("must be a number")


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
    limit: Annotated[int, BeforeValidator(_small_number)] = Field(default=LIMIT, ge=1, le=MOST)
    cursor: str | None = Field(default=None, description="The `next` of the page before")

    @model_validator(mode="after")
    def _whole_pair(self) -> Self:
        if (self.token_in is None) != (self.token_out is None):
            raise ValueError("a pair takes both tokenIn and tokenOut")
        return self

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


class _Cursor(Struct, array_like=True):
    at: Annotated[datetime, Meta(tz=True)]
    order_id: Annotated[str, Meta(pattern=_UUID)]


_cursor = msgspec.json.Decoder(_Cursor)


def encode_cursor(place: Place) -> str:
    """Return a place as clients send it back. What it says is no promise."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def decode_cursor(text: str) -> Place:
    """Return the place that a cursor stands for. Raises `Problem`."""
    try:
        found = _cursor.decode(base64.urlsafe_b64decode(text.encode()))
        return Place(in_utc(found.at), found.order_id)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        wrong = FieldError("cursor", "must be the `next` of a page")
        raise Problem(Code.INVALID_QUERY, errors=[wrong]) from None


def read_query(query: QueryParams) -> ListQuery:
    """Return what a query asks for. Raises `Problem` that names every wrong parameter."""
    given = dict(query.multi_items())
    if len(given) != len(query.multi_items()):
        raise Problem(Code.INVALID_QUERY, "each parameter may be given once")
    try:
        return ListQuery.model_validate(given)
    except ValidationError as error:
        raise Problem(Code.INVALID_QUERY, errors=field_errors(error)) from None


def list_routes(archive: Archive, tokens: Tokens) -> APIRouter:
    """Return the route that lists orders."""
    router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=BareRoute)

    async def list_orders(request: Request) -> Response:
        """List orders, newest first; `next`, unless it is null, is the cursor of the next page.

        Orders that come in meanwhile shift nothing. The list follows the log, mostly within
        milliseconds; a single order is shown as it stands.
        """
        query = read_query(request.query_params)
        after = decode_cursor(query.cursor) if query.cursor else None
        wanted = query.filter_for(caller_of(request), tokens)
        try:
            found = await archive.orders(wanted, after, query.limit + 1)
        except ArchiveUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        return json_answer(_page(found, query.limit))

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


def _page(found: list[ListedOrder], limit: int) -> dict[str, Any]:
    shown = found[:limit]
    more = len(found) > limit
    return {"orders": builtins(shown), "next": encode_cursor(shown[-1].place) if more else None}
