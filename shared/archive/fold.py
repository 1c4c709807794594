"""Fold a batch of events into one row an order. Pure.

A row says only what the batch's events say; the rest is left at its default. Joining such rows,
in any order and any number of times, gives the row of the whole history: see `fold.sql`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, assert_never

from msgspec import Struct

from shared.orders.codec import decode
from shared.orders.dispatch import ENDS
from shared.orders.events import (
    CancelRequested,
    OrderCancelled,
    OrderConfirmed,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    OrderSubmitted,
    OrderUnresolved,
    OutcomeContradicted,
    RouteExpired,
    RoutingStarted,
    TransactionExpired,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.states import State
from shared.orders.values import Receipt
from shared.orders.view import status_after

HEAD = 12  # Characters of a signature that lists find it by: by chance, no two begin alike.


class Recorded(NamedTuple):
    """An event, the very bytes it has on the log, and where: the partition and the entry's id."""

    event: OrderEvent
    raw: bytes
    place: tuple[int, str] = (0, "0-0")

    @classmethod
    def read(cls, raw: bytes, place: tuple[int, str] = (0, "0-0")) -> Recorded:
        """Return the event that `raw` holds, with `raw`. Raises `MalformedEvent`."""
        return cls(decode(raw), raw, place)


class OrderRow(Struct, gc=False, kw_only=True, omit_defaults=True):
    """What some events of one order say about its row in `orders`. The rest is not written out."""

    order_id: str
    version: int = 0
    status: str = ""
    unresolved: bool = False
    updated_at: datetime | None = None
    seen: str = ""  # The versions they are, as PostgreSQL writes ranges: {[1,4),[6,7)}.

    client_order_id: str | None = None
    account: str | None = None
    token_in: str | None = None
    token_out: str | None = None
    amount_in: Decimal | None = None
    max_slippage_bps: int | None = None
    expires_at: datetime | None = None
    submitted_at: datetime | None = None

    route_version: int = 0
    attempts: int = 0
    venue: str | None = None
    quoted_out: Decimal | None = None
    min_out: Decimal | None = None

    signature_version: int = 0
    signature: str | None = None

    ended_at: datetime | None = None
    outcome: str | None = None
    ended_on: str | None = None  # The venue, once the order has ended.
    signature_head: str | None = None  # The beginning of the signature, once it has ended.
    amount_out: Decimal | None = None
    price: Decimal | None = None
    failure_reason: str | None = None
    failure_detail: str | None = None

    cancel_requested: bool = False
    contradicted: bool = False


def merge(recorded: Iterable[Recorded]) -> list[OrderRow]:
    """Return one row an order. Events come as `distinct` gives them."""
    orders: dict[str, list[OrderEvent]] = {}
    for event, *_ in recorded:
        if event.order_id in orders:
            orders[event.order_id].append(event)
        else:
            orders[event.order_id] = [event]
    return [_row(order_id, events) for order_id, events in orders.items()]


def _row(order_id: str, events: Sequence[OrderEvent]) -> OrderRow:
    last = events[-1]
    row = OrderRow(
        order_id=order_id,
        version=last.version,
        status=status_after(last),
        unresolved=_is_unresolved(last),
        updated_at=last.at,
        seen=_ranges([event.version for event in events]),
    )
    for event in events:
        _add_facts(row, event)
        if isinstance(event, ENDS):
            row.ended_at = event.at
            row.outcome = status_after(event)
    if row.outcome is not None:
        row.ended_on = row.venue
        row.signature_head = row.signature and row.signature[:HEAD]
    return row


def fold_next(row: OrderRow, event: OrderEvent) -> None:
    """Bring a row, which has all events before this one, to where `merge` and the table bring it.

    `seen` stays as it was: no table is written.
    """
    row.version = event.version
    row.status = status_after(event)
    row.unresolved = _is_unresolved(event)
    row.updated_at = event.at
    _add_facts(row, event)


def _is_unresolved(last: OrderEvent) -> bool:
    return isinstance(last, OrderUnresolved) or (
        isinstance(last, CancelRequested) and last.state is State.UNRESOLVED
    )


def _ranges(versions: Sequence[int]) -> str:
    """Return ascending versions as an `int4multirange`."""
    first, last = versions[0], versions[-1]
    if last - first == len(versions) - 1:
        return f"{{[{first},{last}]}}"
    return "{" + ",".join(f"[{version},{version}]" for version in versions) + "}"


def _add_facts(row: OrderRow, event: OrderEvent) -> None:
    match event:
        case OrderSubmitted():
            _add_intent(row, event)
        case RoutingStarted() | TransactionSent():
            pass
        case OrderRouted():
            _add_route(row, event)
        case TransactionSigned():
            row.signature_version = event.version
            row.signature = event.transaction.signature
        case OrderConfirmed():
            _add_receipt(row, event, event.receipt)
        case OrderFailed():
            row.failure_reason = event.reason
            # A venue's own words; Postgres has no place for this one character.
            row.failure_detail = event.detail.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case CancelRequested():
            row.cancel_requested = True
        case OutcomeContradicted():
            row.contradicted = True
            _add_receipt(row, event, event.receipt)
        case (
            RouteExpired()
            | OrderUnresolved()
            | TransactionExpired()
            | OrderCancelled()
            | OrderExpired()
        ):
            pass
        case _:
            assert_never(event)


def _add_receipt(
    row: OrderRow, event: OrderConfirmed | OutcomeContradicted, receipt: Receipt | None
) -> None:
    if receipt is None:
        return
    row.signature_version = event.version
    row.signature = event.signature
    row.amount_out = receipt.amount_out
    row.price = event.price if isinstance(event, OrderConfirmed) else receipt.price


def _add_intent(row: OrderRow, event: OrderSubmitted) -> None:
    row.client_order_id = event.client_order_id
    row.account = event.account
    row.token_in = event.intent.token_in
    row.token_out = event.intent.token_out
    row.amount_in = event.intent.amount_in
    row.max_slippage_bps = event.intent.max_slippage_bps
    row.expires_at = event.intent.expires_at
    row.submitted_at = event.at


def _add_route(row: OrderRow, event: OrderRouted) -> None:
    row.route_version = event.version
    row.attempts = event.attempt
    row.venue = event.route.venue
    row.quoted_out = event.route.quote.amount_out
    row.min_out = event.route.min_out
