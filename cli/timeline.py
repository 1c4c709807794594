"""An order's life in lines, one an event. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from cli import splits
from slipstream import Quote

Event = Mapping[str, Any]


def line(event: Event, started: datetime) -> str:
    """Return what a public event says, `started` being when the order was submitted."""
    after_s = (datetime.fromisoformat(event["at"]) - started).total_seconds()
    words = _WORDS.get(event["type"], _type)(event)
    return f"{after_s:+9.3f} s  {event['version']:>2}  {event['status']:<10} {words}"


def brief(event: Event) -> str:
    """Return what a public event says among those of other orders: when, and of which order."""
    at, words = datetime.fromisoformat(event["at"]), _WORDS.get(event["type"], _type)(event)
    when = f"{at:%H:%M:%S}  {event['orderId']}  {event['version']:>2}"
    return f"{when}  {event['status']:<10} {words}"


def _type(event: Event) -> str:
    return str(event["type"])


def _submitted(event: Event) -> str:
    intent = event["intent"]
    return (
        f"swap {intent['amountIn']} {intent['tokenIn']} for {intent['tokenOut']}, "
        f"at most {intent['maxSlippageBps']} bps below the quote"
    )


def _routed(event: Event) -> str:
    quote, token = event["route"]["quote"], event["intent"]["tokenOut"]
    others = [
        f"{other['venue']} {other['amountOut']}"
        for other in event["quotes"]
        if other["venue"] != quote["venue"]
    ]
    others += [f"{refusal['venue']}: {refusal['reason']}" for refusal in event["refusals"]]
    rest = f" ({', '.join(others)})" if others else ""
    minimum = f"at least {event['route']['minOut']}"
    pays = f"{quote['venue']} pays best, {quote['amountOut']} {token}{rest}; {minimum}"
    unpriced = f"; its network fee has no price in {token}" if quote.get("feeUnpriced") else ""
    return pays + _split(event) + unpriced


def _split(event: Event) -> str:
    quote, intent = msgspec.convert(event["route"]["quote"], Quote), event["intent"]
    said = splits.words(quote, Decimal(intent["amountIn"]), intent["tokenOut"])
    return f"; {said}" if said else ""


def _expired(event: Event) -> str:
    why = f": {event['why']}" if event.get("why") else ""
    return f"the quote of {event['venue']} went stale{why}"


def _confirmed(event: Event) -> str:
    price = f"{Decimal(event['price']):.8g}"
    return f"received {event['receipt']['amountOut']} at {price}, in {event['signature']}"


_WORDS: dict[str, Callable[[Event], str]] = {
    "OrderSubmitted": _submitted,
    "RoutingStarted": lambda _: "asking the venues",
    "OrderRouted": _routed,
    "RouteExpired": _expired,
    "TransactionSigned": lambda event: f"signed for {event['venue']}",
    "TransactionSent": lambda event: f"sent as {event['signature']}",
    "OrderUnresolved": lambda event: f"the chain does not answer: {event['detail']}",
    "TransactionExpired": lambda event: f"it can never land: {event['proof']}",
    "CancelRequested": lambda _: "to be cancelled if it does not land",
    "OrderConfirmed": _confirmed,
    "OrderFailed": lambda event: f"{event['reason']}: {event['detail']}",
    "OrderCancelled": lambda _: "nothing was signed",
    "OrderExpired": lambda _: "its deadline passed with nothing in flight",
    "OutcomeContradicted": lambda event: f"the chain says otherwise: {event['detail']}",
}
