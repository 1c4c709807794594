"""Events with believable defaults; a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderFailed,
    OrderRouted,
    OrderSubmitted,
    OrderUnresolved,
    RouteExpired,
    RoutingStarted,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.values import (
    FailureReason,
    Leg,
    Quote,
    Receipt,
    Route,
    SignedTransaction,
    Single,
    SwapIntent,
)
from shared.streams.log.order_ids import new_order_id

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOON = NOON + timedelta(seconds=10)


def an_order_id() -> str:
    return new_order_id(datetime.now(UTC))


def an_intent(
    amount_in: str = "1.5", *, slippage_bps: int = 100, expires_at: datetime | None = None
) -> SwapIntent:
    return SwapIntent(
        token_in="SOL",
        token_out="USDC",
        amount_in=Decimal(amount_in),
        max_slippage_bps=slippage_bps,
        expires_at=expires_at,
    )


def a_quote(venue: str = "raydium", amount_out: str = "225", *, fee: str = "0.001") -> Quote:
    return Quote(
        venue=venue,
        amount_out=Decimal(amount_out),
        network_fee=Decimal(fee),
        fee_bps=Decimal(30),
        price_impact_bps=Decimal(1),
        expires_at=SOON,
    )


def a_split() -> Quote:
    """Return the quote of a split of 100 SOL over two pools."""
    one, other = f"7Xaw{'1' * 36}Dn3k", f"9Qbc{'1' * 36}7Yz1"
    return replace(
        a_quote("split", "15000", fee="0.0025"),
        legs=(
            _leg("raydium", one, "71.5", "10726"),
            _leg("meteora", other, "28.5", "4274"),
        ),
        best_single=Single(
            venue="raydium",
            pool=one,
            amount_out=Decimal(14_990),
            network_fee=Decimal("0.001"),
        ),
    )


def _leg(venue: str, pool: str, amount_in: str, amount_out: str) -> Leg:
    return Leg(venue=venue, pool=pool, amount_in=Decimal(amount_in), amount_out=Decimal(amount_out))


def a_route(venue: str = "raydium", amount_out: str = "225", min_out: str = "222.75") -> Route:
    return Route(quote=a_quote(venue, amount_out), min_out=Decimal(min_out))


def a_transaction(signature: str = "5sig", *, valid_until: int = 1_000) -> SignedTransaction:
    return SignedTransaction(signature=signature, payload=b"signed bytes", valid_until=valid_until)


def submitted(
    order_id: str | None = None, *, intent: SwapIntent | None = None, at: datetime = NOON
) -> OrderSubmitted:
    return OrderSubmitted(
        order_id=order_id or an_order_id(),
        version=1,
        at=at,
        intent=intent or an_intent(),
        account="public",
    )


def routed(
    route: Route, *, order_id: str | None = None, intent: SwapIntent | None = None
) -> OrderRouted:
    return OrderRouted(
        order_id=order_id or an_order_id(),
        version=3,
        at=NOON,
        intent=intent or an_intent(),
        route=route,
        quotes=(route.quote,),
        refusals=(),
        attempt=1,
        account="public",
    )


Ending = Literal["pending", "routed", "sent", "unresolved", "confirmed", "failed", "rerouted"]


def history(order_id: str | None = None, *, ending: Ending = "confirmed") -> list[OrderEvent]:
    """Return a whole history that ends so."""
    events: list[OrderEvent] = [submitted(order_id)]

    def at() -> datetime:
        return NOON + timedelta(milliseconds=100 * len(events))

    def routed(attempt: int) -> OrderRouted:
        return OrderRouted(
            **events[-1].next(at()),
            intent=an_intent(),
            route=a_route(),
            quotes=(a_quote(), a_quote("meteora", "224")),
            refusals=(),
            attempt=attempt,
        )

    if ending == "pending":
        return events
    events.append(RoutingStarted(**events[-1].next(at()), intent=an_intent()))
    if ending == "failed":
        events.append(
            OrderFailed(
                **events[-1].next(at()),
                reason=FailureReason.NO_ROUTE,
                detail="no venue trades this pair",
                attempts=1,
            )
        )
        return events
    events.append(routed(1))
    if ending == "rerouted":
        events.append(RouteExpired(**events[-1].next(at()), venue="raydium", expired_at=NOON))
        events.append(routed(2))
    if ending == "routed":
        return events
    transaction = a_transaction(f"sig-{events[0].order_id}")
    signature = transaction.signature
    events.append(
        TransactionSigned(
            **events[-1].next(at()), venue="raydium", transaction=transaction, attempt=1
        )
    )
    events.append(
        TransactionSent(**events[-1].next(at()), venue="raydium", signature=signature, attempt=1)
    )
    if ending == "sent":
        return events
    if ending == "unresolved":
        events.append(
            OrderUnresolved(
                **events[-1].next(at()), venue="raydium", signature=signature, detail="no answer"
            )
        )
        return events
    receipt = Receipt(amount_in=Decimal("1.5"), amount_out=Decimal("224.5"))
    events.append(
        OrderConfirmed(
            **events[-1].next(at()),
            venue="raydium",
            signature=signature,
            receipt=receipt,
            price=receipt.price,
        )
    )
    return events
