"""Choose where an order goes. Pure: everything it needs is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.orders.events import (
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    OrderSubmitted,
    RoutingStarted,
)
from shared.orders.order import Order
from shared.orders.values import Discount, FailureReason, Quote, Refusal, Route, SwapIntent
from shared.routing.choose import NONE, Handicaps, best_quote, min_out


def begin(order: OrderSubmitted, now: datetime) -> RoutingStarted | OrderExpired:
    """Take an order up, unless its deadline has passed."""
    if is_late(order.intent, now):
        return OrderExpired(**order.next(now))
    return RoutingStarted(**order.next(now), intent=order.intent, account=order.account)


def is_late(intent: SwapIntent, now: datetime) -> bool:
    """Return whether the order must not be signed any more."""
    return intent.expires_at is not None and intent.expires_at <= now


def may_not_try_again(
    order: Order, trigger: OrderEvent, max_routes: int, now: datetime
) -> OrderCancelled | OrderExpired | OrderFailed | None:
    """Return how an order ends that lost its route or transaction, or None if it may go on."""
    if order.cancel_requested:
        return OrderCancelled(**trigger.next(now))
    if is_late(order.intent, now):
        return OrderExpired(**trigger.next(now))
    if order.attempts >= max_routes:
        return OrderFailed(
            **trigger.next(now),
            reason=FailureReason.ROUTES_EXHAUSTED,
            detail=f"{order.attempts} routes were tried",
            attempts=order.attempts,
        )
    return None


def name_unknown(
    trigger: OrderEvent, names: Sequence[str], attempts: int, now: datetime
) -> OrderFailed:
    """Return the end of an order for tokens that this router does not know."""
    return OrderFailed(
        **trigger.next(now),
        reason=FailureReason.UNKNOWN_TOKEN,
        detail=f"the router knows no token {' and no '.join(names)}",
        attempts=attempts,
    )


def choose_route(  # noqa: PLR0913, PLR0917 - all that a route is made of
    trigger: OrderEvent,
    intent: SwapIntent,
    account: str,
    attempt: int,
    offers: tuple[Sequence[Quote], Sequence[Refusal]],
    now: datetime,
    handicaps: Handicaps = NONE,
) -> OrderRouted | OrderFailed | OrderExpired:
    """Choose the best net amount out; without one that pays anything, the order fails.

    `handicaps` are what venues' records, and this order's own history, have against them.

    Slippage tolerance bounds the outcome (`min_out`) and never ranks.
    """
    quotes, refusals = offers
    if is_late(intent, now):
        return OrderExpired(**trigger.next(now))
    best = best_quote(quotes, handicaps)
    if best is None or best.net_out <= 0:
        return OrderFailed(
            **trigger.next(now),
            reason=FailureReason.NO_ROUTE,
            detail=_why_none(best, refusals),
            attempts=attempt - 1,
        )
    return OrderRouted(
        **trigger.next(now),
        intent=intent,
        route=Route(quote=best, min_out=min_out(best.amount_out, intent.max_slippage_bps)),
        quotes=tuple(quotes),
        refusals=tuple(refusals),
        attempt=attempt,
        account=account,
        discounts=_discounts(quotes, handicaps.discounts) if handicaps.discounts else (),
    )


def _discounts(quotes: Sequence[Quote], discounts: Mapping[str, int]) -> tuple[Discount, ...]:
    venues = dict.fromkeys(quote.venue for quote in quotes if quote.venue in discounts)
    return tuple(Discount(venue=venue, bps=discounts[venue]) for venue in venues)


def _why_none(best: Quote | None, refusals: Sequence[Refusal]) -> str:
    if best is not None:
        return f"the best quote, {best.venue}'s, pays less than the network fee"
    return "; ".join(f"{refusal.venue}: {refusal.reason}" for refusal in refusals)
