"""Orders in lines, for people and for programs. Pure."""

from __future__ import annotations

import msgspec

from shared.clock import rfc3339
from slipstream import Fill, Order, OrderSummary


def line(order_id: str, submitted: str, status: str, swapped: str) -> str:
    """Return a line of a list."""
    return f"{order_id:<36}  {submitted:<20}  {status:<9}  {swapped}"


def summary(order: OrderSummary) -> str:
    """Return an order as a line of a list."""
    swapped = f"{swap(order)}{_why(order.failure_reason)}{flags(order)}"
    return line(order.order_id, rfc3339(order.submitted_at, "seconds"), order.status, swapped)


def fill_line(fill: Fill) -> str:
    """Return a fill as a line of a list."""
    against = "" if fill.vs_quote_bps is None else f", {fill.vs_quote_bps:+f} bps"
    undone = ", the chain says otherwise" if fill.contradicted else ""
    swapped = f"{swap(fill)}{against}{undone}"
    return line(fill.order_id, rfc3339(fill.confirmed_at, "seconds"), "confirmed", swapped)


def swap(order: Order | OrderSummary | Fill) -> str:
    """Return the wish of an order, and its amount out once it is known."""
    received = "" if order.amount_out is None else f"{order.amount_out:f} "
    venue = f" at {order.venue}" if order.venue else ""
    return f"{order.amount_in:f} {order.token_in} for {received}{order.token_out}{venue}"


def _why(reason: str | None) -> str:
    return f", {reason}" if reason else ""


def flags(order: Order | OrderSummary) -> str:
    """Return the things about an order that somebody may have to look at."""
    told = {
        "the chain does not answer": order.unresolved,
        "to be cancelled": order.cancel_requested and order.status == "submitted",
        "the chain says otherwise": order.contradicted,
    }
    return "".join(f", {words}" for words, holds in told.items() if holds)


def as_json(shown: Order | OrderSummary | Fill) -> str:
    """Return an answer as JSON, with the names of the API."""
    return msgspec.json.encode(shown).decode()
