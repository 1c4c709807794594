"""Everything that can happen to an order, in the order it happens.

Names are past tense: facts, not wishes. A released event is never edited. Add a field with a
default, or raise its `schema` and teach `codec.UPCASTS` to read the old one.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NotRequired, TypedDict, get_args

from msgspec import UNSET, Struct, UnsetType

from shared.orders.states import State
from shared.orders.values import (
    Discount,
    FailureReason,
    Quote,
    Receipt,
    Refusal,
    Route,
    SignedTransaction,
    SwapIntent,
)


class Head(TypedDict):
    """The fields that every event has."""

    order_id: str
    version: int
    at: datetime
    traceparent: NotRequired[str | UnsetType]


# No value is part of a cycle, and the collector of cycles need not look at the many there are.
class Event(
    Struct, frozen=True, gc=False, kw_only=True, rename="camel", tag_field="type", tag=True
):
    """A fact of one order. (`order_id`, `version`) names it: versions run 1, 2, 3, no holes.

    `traceparent` is the order's place in a trace, as W3C writes it: the same in all its events, and
    in none of an order that nobody traces.
    """

    order_id: str
    version: int
    at: datetime
    schema: Literal[1] = 1
    traceparent: str | UnsetType = UNSET

    def next(self, at: datetime) -> Head:
        """Return the head of the event that follows this one."""
        return {
            "order_id": self.order_id,
            "version": self.version + 1,
            "at": at,
            "traceparent": self.traceparent,
        }


class OrderSubmitted(Event, frozen=True, kw_only=True):
    """The order was accepted and is on the log."""

    intent: SwapIntent
    account: str
    client_order_id: str | None = None  # The client's own name for it, once an account.


class RoutingStarted(Event, frozen=True, kw_only=True):
    """The router took the order up and asks the venues."""

    intent: SwapIntent  # Carried along, so that no step needs a look-up.
    account: str = ""  # As well; older events have none.


class OrderRouted(Event, frozen=True, kw_only=True):
    """A venue won. Every quote and refusal is kept, so that the choice can be judged later."""

    intent: SwapIntent
    route: Route
    quotes: tuple[Quote, ...]
    refusals: tuple[Refusal, ...]
    attempt: int
    account: str = ""  # Whose wallet signs.
    discounts: tuple[Discount, ...] = ()  # That ranked; the quotes are as they were said.


class RouteExpired(Event, frozen=True, kw_only=True):
    """The quote went stale before it could be signed; the order is to be quoted again.

    `why` is there where its venue would not, or could not, build it; `failed` in the second case.
    """

    venue: str
    expired_at: datetime
    attempt: int = 0
    why: str = ""
    failed: bool = False


class TransactionSigned(Event, frozen=True, kw_only=True):
    """The transaction exists. From here on only the chain may end the order."""

    venue: str
    transaction: SignedTransaction
    attempt: int


class TransactionSent(Event, frozen=True, kw_only=True):
    """The venue took the bytes. That does not mean that they landed."""

    venue: str
    signature: str
    attempt: int


class OrderUnresolved(Event, frozen=True, kw_only=True):
    """The chain gave no answer in time, and is asked until there is one."""

    venue: str
    signature: str
    detail: str


class TransactionExpired(Event, frozen=True, kw_only=True):
    """The chain proved that the transaction can never land; another may be signed."""

    signature: str
    proof: str
    attempt: int = 0


class CancelRequested(Event, frozen=True, kw_only=True):
    """The client cancelled too late: the transaction is signed. If it expires, none follows."""

    state: State  # As it was and still is, so that a reader needs no fold to tell the status.


class OrderConfirmed(Event, frozen=True, kw_only=True):
    """The swap landed. Unless it is `final`, it is watched until it is."""

    venue: str
    signature: str
    receipt: Receipt
    price: Decimal
    final: bool = True


class OrderFailed(Event, frozen=True, kw_only=True):
    """The swap did not happen and will not."""

    reason: FailureReason
    detail: str
    attempts: int


class OrderCancelled(Event, frozen=True, kw_only=True):
    """The client withdrew the order before anything was signed."""


class OrderExpired(Event, frozen=True, kw_only=True):
    """The order's own deadline passed with nothing in flight."""


class OutcomeContradicted(Event, frozen=True, kw_only=True):
    """The chain contradicts the order's end. Recorded and alarmed; not a second end.

    Either a transaction `landed` after all, or a fork took a confirmed one back (`rolledBack`).
    One that was taken back and lands again has `landedAnew`: `receipt` has its amounts, and is
    final. It is told if the amounts are others, or `rolledBack` was told before.
    """

    state: State
    signature: str
    detail: str
    kind: Literal["landed", "rolledBack", "landedAnew"] = "landed"
    receipt: Receipt | None = None


OrderEvent = (
    OrderSubmitted
    | RoutingStarted
    | OrderRouted
    | RouteExpired
    | TransactionSigned
    | TransactionSent
    | OrderUnresolved
    | TransactionExpired
    | CancelRequested
    | OrderConfirmed
    | OrderFailed
    | OrderCancelled
    | OrderExpired
    | OutcomeContradicted
)

EVENT_TYPES = frozenset(kind.__name__ for kind in get_args(OrderEvent))
