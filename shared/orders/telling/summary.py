"""An order in one plain sentence."""

from __future__ import annotations

from shared.orders.order import Order
from shared.orders.states import State
from shared.orders.telling.figures import more_or_less, plain, vs_quote_bps
from shared.orders.telling.story import Story
from shared.orders.values import FailureReason, Route

_WAITS = {
    State.PENDING: "no router has taken it up yet",
    State.ROUTING: "the venues are asked for quotes",
    State.ROUTED: "its transaction is being built",
    State.SIGNED: "its transaction is signed, and about to be sent",
    State.SENT: "its transaction is sent, and the chain has not answered yet",
    State.UNRESOLVED: "the chain gave no answer in time, and is asked until it does",
}
_FAILED = {
    FailureReason.NO_ROUTE: "no venue had a quote that pays anything",
    FailureReason.UNKNOWN_TOKEN: "the router does not know its tokens",
    FailureReason.VENUE_REJECTED: "the venue refused to build the swap",
    FailureReason.INSUFFICIENT_FUNDS: "the wallet holds too little",
    FailureReason.FIREWALL_REFUSED: "its transaction did not pass the firewall",
    FailureReason.ROUTES_EXHAUSTED: "none of its routes came to anything",
    FailureReason.RETRIES_EXHAUSTED: "every attempt to go on with it failed",
    FailureReason.SLIPPAGE_EXCEEDED: "the price had moved past its slippage tolerance",
    FailureReason.FAILED_ON_CHAIN: "its transaction failed on the chain",
}
_CONTRADICTED = {
    "landed": "; an earlier transaction of it has landed, too",
    "rolledBack": "; but a fork of the chain has taken the swap back",
    "landedAnew": ", after a fork of the chain had undone a first swap",
}


def summary_of(story: Story, order: Order) -> str:
    """Return what is the matter with the order."""
    match order.state:
        case State.CONFIRMED:
            return _swapped(story, order)
        case State.FAILED:
            why = _FAILED[order.failure] if order.failure else "it failed"
            return f"Not swapped: {why}{_after_all(story)}."
        case State.CANCELLED:
            return f"Cancelled, and nothing was swapped{_after_all(story)}."
        case State.EXPIRED:
            return f"Expired, and nothing was swapped{_after_all(story)}."
        case _:
            return f"{_wish(order)}: {_WAITS[order.state]}{_to_be_cancelled(order)}."


def _wish(order: Order) -> str:
    intent, route = order.intent, order.route
    given = f"Swaps {plain(intent.amount_in)} {intent.token_in} for"
    if route is None or order.state is State.ROUTING:
        return f"{given} {intent.token_out}"
    return f"{given} at least {plain(route.min_out)} {intent.token_out} {_on(route)}"


def _to_be_cancelled(order: Order) -> str:
    return "; it is cancelled if it cannot land any more" if order.cancel_requested else ""


def _swapped(story: Story, order: Order) -> str:
    intent, receipt, route = order.intent, order.receipt, order.route
    if receipt is None:  # Never, by the fold: what confirms an order has a receipt.
        return "Swapped."
    given, paid = plain(receipt.amount_in), plain(receipt.amount_out)
    where, against = (f" {_on(route)}", _against(order)) if route else ("", "")
    contradicted = _CONTRADICTED[story.contradiction] if story.contradiction else ""
    return (
        f"Swapped {given} {intent.token_in} for {paid} {intent.token_out}{where}{against}"
        f"{contradicted}."
    )


def _against(order: Order) -> str:
    if order.receipt is None or order.route is None:
        return ""
    quoted = order.route.quote.amount_out
    bps = vs_quote_bps(order.receipt.amount_out, quoted)
    if bps is None:
        return ""
    return ", as quoted" if order.receipt.amount_out == quoted else f", {more_or_less(bps)}{_THAN}"


_THAN = " than quoted"


def _on(route: Route) -> str:
    venues = list(dict.fromkeys(leg.venue for leg in route.quote.legs))
    if not venues:
        return f"on {route.venue}"
    *most, last = venues
    return (
        f"over several pools of {', '.join(most)} and {last}" if most else f"over pools of {last}"
    )


def _after_all(story: Story) -> str:
    return "; but a transaction of it has landed after all" if story.contradiction else ""
