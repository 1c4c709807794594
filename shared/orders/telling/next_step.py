"""The next thing that happens to an order, and when, as far as its history tells."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.orders.events import OrderRouted, RouteExpired, TransactionExpired
from shared.orders.order import Order
from shared.orders.states import IN_FLIGHT, State
from shared.orders.telling.story import Story


class NextStep(NamedTuple):
    """`what` happens `at` that time, or by then, or soon where nobody can tell; and why it does."""

    what: str
    at: datetime | None
    because: str


def next_step(story: Story, order: Order, due: datetime | None) -> NextStep | None:
    """Return what happens next, or None of an order that has ended.

    `due` is when the services look at it again, if they have put it off.
    """
    match order.state:
        case State.PENDING:
            return _unless_late(order, "A router takes it up and asks the venues", "It is new")
        case State.ROUTING:
            return _routing(story, order)
        case State.ROUTED:
            return _signing(story.routed, order)
        case _:
            return _in_flight(order, due) if order.state in IN_FLIGHT else None


def _routing(story: Story, order: Order) -> NextStep:
    match story.last:
        case TransactionExpired(proof=proof) if order.cancel_requested:
            return _step("It is cancelled", None, f"Its transaction can never land: {proof}")
        case TransactionExpired(proof=proof):
            because = f"Its transaction can never land: {proof}"
        case RouteExpired(venue=venue, why=why):
            because = (
                f"{venue} did not build its quote: {why}" if why else f"{venue}'s quote expired"
            )
        case _:
            because = "A router has taken it up"
    return _unless_late(order, "The best quote of the venues is taken", because)


def _signing(routed: OrderRouted | None, order: Order) -> NextStep:
    what, because = "Its transaction is built and signed", "It is routed"
    expires_at = routed.route.quote.expires_at if routed else None
    if expires_at is None or _comes_first(order.intent.expires_at, expires_at):
        return _unless_late(order, what, because)
    return _step(f"{what}; if not by then, its quote has expired", expires_at, because)


def _in_flight(order: Order, due: datetime | None) -> NextStep:
    match order.state:
        case State.SIGNED:
            return _step("Its transaction is sent", due, "It is signed, and kept")
        case State.SENT:
            what = "The chain is asked, and the same bytes are sent again until it answers"
            because = "Its transaction is sent, and only the chain knows what comes of it"
        case _:
            what = "The chain is asked again, and the same bytes are sent again"
            because = f"The chain does not say whether it landed: {order.detail or 'no answer'}"
    return _step(what, due, because)


def _comes_first(one: datetime | None, other: datetime) -> bool:
    return one is not None and one <= other


def _unless_late(order: Order, what: str, because: str) -> NextStep:
    if order.intent.expires_at is None:
        return _step(what, None, because)
    until = "; if it is not signed by then, it expires"
    return _step(what + until, order.intent.expires_at, because)


def _step(what: str, at: datetime | None, because: str) -> NextStep:
    return NextStep(f"{what}.", at, f"{because}.")
