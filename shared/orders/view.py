"""The one public view of events and orders: what API, sockets and command line may show.

Signed bytes never pass through here; clients see the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.orders.codec import builtins, decode
from shared.orders.events import (
    CancelRequested,
    OrderEvent,
    OrderRouted,
    OutcomeContradicted,
    TransactionSigned,
)
from shared.orders.order import TRANSITIONS, Order
from shared.orders.states import STATUS, State
from shared.orders.telling.actions import actions_of
from shared.orders.telling.choice import choice_of
from shared.orders.telling.figures import vs_quote_bps
from shared.orders.telling.next_step import next_step
from shared.orders.telling.story import Story
from shared.orders.telling.summary import summary_of

_STATELESS = (CancelRequested, OutcomeContradicted)
# The status after an event follows from its type alone, but for those that change none.
_PREFIX = {
    event.__name__: b'{"status":"%s",' % STATUS[state].value.encode()
    for (_, event), state in TRANSITIONS.items()
    if event not in _STATELESS
}


def public_json(type_name: str, raw: bytes) -> bytes:
    """Return an event's log entry as the JSON object a client may see.

    Most events go through without being parsed: the status is put in front.
    Raises `MalformedEvent` for one that has to be parsed and cannot be.
    """
    prefix = _PREFIX.get(type_name)
    if prefix is None or type_name == TransactionSigned.__name__:
        return msgspec.json.encode(public_event(decode(raw)))
    return prefix + raw[1:]


def public_event(event: OrderEvent) -> dict[str, Any]:
    """Return an event as the object a client may see: its fields, plus `status`."""
    fields: dict[str, Any] = builtins(event)
    if isinstance(event, TransactionSigned):
        del fields["transaction"]["payload"]
    return {"status": str(status_after(event)), **fields}


def status_after(event: OrderEvent) -> str:
    """Return the status a client sees once `event` has happened."""
    if isinstance(event, _STATELESS):
        return STATUS[event.state]
    return _STATUS_AFTER[type(event)]


_STATUS_AFTER = {
    event: STATUS[state] for (_, event), state in TRANSITIONS.items() if event not in _STATELESS
}


def public_order(
    history: Sequence[OrderEvent], *, due: datetime | None = None, may_act: bool = True
) -> dict[str, Any]:
    """Return the order that a whole history folds to, as a client may see it, and told in words.

    `due` is when the services look at it again, if they have put it off. Without `may_act` there
    are no actions. Raises `ValueError` for an empty history.
    """
    seen = Seen()
    for event in history:
        seen.add(event)
    return seen.shown() | seen.told(due, may_act=may_act)


class Seen:
    """An order as a client may see it, event after event."""

    def __init__(self) -> None:
        self._story = Story()
        self._changes: list[dict[str, Any]] = []

    def add(self, event: OrderEvent) -> None:
        """Fold the next event."""
        order = self._story.add(event)
        if not self._changes or self._changes[-1]["status"] != order.status:
            self._changes.append({"status": order.status, "at": event.at})

    def shown(self) -> dict[str, Any]:
        """Return the order as it stands. Raises `ValueError` before its first event."""
        shown: dict[str, Any] = builtins(_fields(self._known(), self._changes))
        return shown

    def told(self, due: datetime | None, *, may_act: bool) -> dict[str, Any]:
        """Return what people want to know beside. Raises `ValueError` before the first event."""
        told: dict[str, Any] = builtins(_words(self._story, self._known(), due, may_act=may_act))
        return told

    def _known(self) -> Order:
        if self._story.order is None:
            raise ValueError("an order has at least one event")
        return self._story.order


def _fields(order: Order, changes: list[dict[str, Any]]) -> dict[str, Any]:
    route, receipt = order.route, order.receipt
    failure = {"reason": order.failure, "detail": order.detail} if order.failure else None
    return {
        "orderId": order.id,
        "clientOrderId": order.client_order_id,
        "status": order.status,
        "version": order.version,
        "tokenIn": order.intent.token_in,
        "tokenOut": order.intent.token_out,
        "amountIn": order.intent.amount_in,
        "maxSlippageBps": order.intent.max_slippage_bps,
        "expiresAt": order.intent.expires_at,
        "attempts": order.attempts,
        "venue": route.venue if route else None,
        "quotes": order.quotes,
        "quotedOut": route.quote.amount_out if route else None,
        "minOut": route.min_out if route else None,
        "signature": order.signature,
        "amountOut": receipt.amount_out if receipt else None,
        "price": order.price,
        "failure": failure,
        "unresolved": order.state is State.UNRESOLVED,
        "cancelRequested": order.cancel_requested,
        "contradicted": order.contradicted,
        "submittedAt": order.submitted_at,
        "updatedAt": order.updated_at,
        "statusHistory": changes,
    }


def _words(story: Story, order: Order, due: datetime | None, *, may_act: bool) -> dict[str, Any]:
    paid = order.receipt.amount_out if order.receipt else None
    upcoming = next_step(story, order, due)
    return {
        "account": order.account,
        "summary": summary_of(story, order),
        "next": upcoming and upcoming._asdict(),
        "actions": [action._asdict() for action in actions_of(order)] if may_act else [],
        "quotes": [{**builtins(quote), "netOut": quote.net_out} for quote in order.quotes],
        "refusals": story.routed.refusals if story.routed else [],
        "route": _choice(story.routed, story.unable) if story.routed else None,
        "vsQuoteBps": vs_quote_bps(paid, order.route.quote.amount_out if order.route else None),
    }


def _choice(routed: OrderRouted, unable: frozenset[str]) -> dict[str, Any]:
    won, runner_up, margin_bps, why = choice_of(routed, unable)
    return {
        "venue": won.venue,
        "amountOut": won.amount_out,
        "netOut": won.net_out,
        "minOut": routed.route.min_out,
        "marginBps": margin_bps,
        "runnerUp": runner_up and runner_up.venue,
        "why": why,
    }
