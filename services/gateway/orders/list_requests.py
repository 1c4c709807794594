"""Lists as they may be asked for: filters, cursors and bounds, and how they are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

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

from services.gateway.access.callers import Caller, Role
from services.gateway.http.problems import Code, FieldError, Problem
from services.gateway.orders.cursors import OTHERS_CURSOR, Cursor, RankedBy, decode_cursor
from services.gateway.orders.parsing import field_errors
from services.gateway.orders.requests import (
    ClientOrderId,
    TokenName,
    in_utc,
    spelled,
    timestamp,
    whole_number,
)
from shared.archive.lists.filters import Filter, Place
from shared.orders.states import Status
from shared.tokens.registry import Tokens

LIMIT = 50
MOST = 200

_VENUE = r"^[A-Za-z0-9._:-]{1,64}$"
_SIGNATURE = r"^[!-~]{1,128}$"
_FIND = r"^[!-~]{3,128}$"
_SEVERAL = "status"  # The one parameter that may be given several times.

Instant = Annotated[AwareDatetime, BeforeValidator(timestamp), AfterValidator(in_utc)]
Venue = Annotated[
    str,
    StringConstraints(pattern=_VENUE),
    spelled(_VENUE, "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -"),
]


Signature = Annotated[
    str,
    StringConstraints(pattern=_SIGNATURE),
    spelled(_SIGNATURE, "must be 1 to 128 visible ASCII characters"),
]
Find = Annotated[
    str,
    StringConstraints(pattern=_FIND),
    spelled(_FIND, "must be 3 to 128 visible ASCII characters"),
]


def read_statuses(given: Sequence[str]) -> frozenset[Status]:
    """Return the statuses that parameters name, each one or several between commas.

    Raises `ValueError`.
    """
    names = [name for value in given for name in value.split(",")]
    if not set(names) <= set(Status):
        raise ValueError(f"must be among {', '.join(Status)}")
    return frozenset(map(Status, names))


Statuses = Annotated[
    frozenset[Status], PlainValidator(read_statuses, json_schema_input_type=list[Status])
]


class ListQuery(BaseModel):
    """Which orders to list. What is not given does not matter."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    status: Statuses | None = Field(
        default=None, description="May be given several times, or several with commas between"
    )
    venue: Venue | None = Field(default=None, description="The venue that was chosen last")
    token_in: TokenName | None = Field(default=None, description="Together with `tokenOut`")
    token_out: TokenName | None = None
    client_order_id: ClientOrderId | None = None
    signature: Signature | None = Field(default=None, description="The whole of the last one")
    find: Find | None = Field(
        default=None,
        description="The beginning of an order's id or of its signature, or the whole of its "
        "`clientOrderId`",
    )
    unresolved: Literal["true"] | None = Field(
        default=None, description="Only those about which the chain does not answer"
    )
    contradicted: Literal["true"] | None = Field(
        default=None, description="Only those about which the chain says otherwise than their end"
    )
    since: Instant | None = Field(default=None, alias="from", description="Submitted then or later")
    until: Instant | None = Field(default=None, alias="to", description="Submitted before then")
    updated_since: Instant | None = Field(
        default=None,
        description="Changed then or later. The list is then in the order of `updatedAt`, the "
        "oldest change first: an order that changes meanwhile comes again",
    )
    # Pydantic would also take "5_0" and " 50".
    limit: Annotated[int, BeforeValidator(whole_number)] = Field(default=LIMIT, ge=1, le=MOST)
    after: Annotated[
        Cursor | None, PlainValidator(decode_cursor, json_schema_input_type=str | None)
    ] = Field(default=None, alias="cursor", description="The `next` of the page before")

    total: Literal["true", "false"] = Field(
        default="false", description="Whether to count all that match, up to 10,000"
    )

    @property
    def ranked_by(self) -> RankedBy:
        """Return the time by which the list is in order."""
        return "submitted" if self.updated_since is None else "updated"

    @property
    def place(self) -> Place | None:
        """Return where the page begins, if that is not the beginning of the list."""
        return self.after and self.after.place

    def filter_for(self, caller: Caller, tokens: Tokens) -> Filter:
        """Return the orders that are meant, of those that the caller may see."""
        return Filter(
            account=None if caller.role is Role.ADMIN else caller.account,
            client_order_id=self.client_order_id,
            statuses=self.status or frozenset(),
            venue=self.venue,
            token_in=self.token_in and tokens.symbol_of(self.token_in),
            token_out=self.token_out and tokens.symbol_of(self.token_out),
            since=self.since,
            until=self.until,
            updated_since=self.updated_since,
            signature=self.signature,
            find=self.find,
            unresolved=self.unresolved is not None,
            contradicted=self.contradicted is not None,
        )


def read_query(query: QueryParams) -> ListQuery:
    """Return what a query asks for. Raises `Problem` that names every wrong parameter."""
    wrong = [
        FieldError(name, "is given more than once")
        for name in query
        if len(query.getlist(name)) > 1 and name != _SEVERAL
    ]
    for one, other in (("tokenIn", "tokenOut"), ("tokenOut", "tokenIn")):
        if one in query and other not in query:
            wrong.append(FieldError(other, f"is required with {one}"))
    given: dict[str, Any] = dict(query)
    if _SEVERAL in query:
        given[_SEVERAL] = query.getlist(_SEVERAL)
    try:
        read = ListQuery.model_validate(given)
    except ValidationError as error:
        raise Problem(Code.INVALID_QUERY, errors=[*wrong, *field_errors(error)]) from None
    if read.after and read.after.ranked_by != read.ranked_by:
        wrong.append(FieldError("cursor", OTHERS_CURSOR))
    if wrong:
        raise Problem(Code.INVALID_QUERY, errors=wrong)
    return read
