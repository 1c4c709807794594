"""Lists of orders and of fills as they may be asked for, and which orders are meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, StringConstraints

from services.gateway.access.callers import Caller, Role
from services.gateway.orders.cursors import RankedBy
from services.gateway.orders.paging import Instant, PageQuery
from services.gateway.orders.requests import ClientOrderId, spelled
from shared.archive.lists.filters import FillFilter, Filter
from shared.orders.states import Status
from shared.tokens.registry import Tokens

_SIGNATURE = r"^[!-~]{1,128}$"
_FIND = r"^[!-~]{3,128}$"

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


class ListQuery(PageQuery):
    """Which orders to list. What is not given does not matter."""

    several = frozenset({"status"})

    status: Statuses | None = Field(
        default=None, description="May be given several times, or several with commas between"
    )
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

    @property
    def ranked_by(self) -> RankedBy:
        """Return the time by which the list is in order."""
        return "submitted" if self.updated_since is None else "updated"

    def filter_for(self, caller: Caller, tokens: Tokens) -> Filter:
        """Return the orders that are meant, of those that the caller may see."""
        return Filter(
            account=_account_of(caller),
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


class FillQuery(PageQuery):
    """Which fills to list. What is not given does not matter."""

    since: Instant | None = Field(default=None, alias="from", description="Confirmed then or later")
    until: Instant | None = Field(default=None, alias="to", description="Confirmed before then")

    @property
    def ranked_by(self) -> RankedBy:
        """Return the time by which the list is in order."""
        return "confirmed"

    def filter_for(self, caller: Caller, tokens: Tokens) -> FillFilter:
        """Return the fills that are meant, of those that the caller may see."""
        return FillFilter(
            account=_account_of(caller),
            venue=self.venue,
            token_in=self.token_in and tokens.symbol_of(self.token_in),
            token_out=self.token_out and tokens.symbol_of(self.token_out),
            since=self.since,
            until=self.until,
        )


def _account_of(caller: Caller) -> str | None:
    return None if caller.role is Role.ADMIN else caller.account
