"""Slipstream's answers, as immutable values.

Amounts are `Decimal` and times are aware. Fields that a newer gateway adds are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from slipstream.model import Model
from slipstream.problem import Problem
from slipstream.telling import Action, ChosenRoute, NextStep

ENDS = frozenset({"confirmed", "failed", "cancelled", "expired"})


class Accepted(Model, frozen=True, kw_only=True):
    """The order is kept and will be executed. `replayed`: it was so before, under the same key."""

    order_id: str
    status: str
    replayed: bool = False


class Token(Model, frozen=True, kw_only=True):
    """A token, which orders name by its `symbol` or its `mint`, the address on Solana.

    An amount of it has `decimals` decimals at most.
    """

    symbol: str
    name: str
    mint: str
    decimals: int


class Tokens(Model, frozen=True, kw_only=True):
    """The tokens that a gateway knows."""

    tokens: tuple[Token, ...]


class Balance(Model, frozen=True, kw_only=True):
    """A wallet's amount of a token."""

    token: str
    mint: str
    amount: Decimal


class Wallet(Model, frozen=True, kw_only=True):
    """A wallet that pays for orders of `accounts`, and what it holds at `slot` or later."""

    name: str
    address: str
    accounts: tuple[str, ...]
    slot: int
    balances: tuple[Balance, ...]


class Wallets(Model, frozen=True, kw_only=True):
    """The chain that orders settle on, and the caller's wallets there; all for an admin's key."""

    chain: str
    wallets: tuple[Wallet, ...]


class Leg(Model, frozen=True, kw_only=True):
    """A part of a swap over several pools. `pool` is an address on Solana."""

    venue: str
    pool: str
    amount_in: Decimal
    amount_out: Decimal


class Single(Model, frozen=True, kw_only=True):
    """The best swap in one pool alone; the network fee is not taken off."""

    venue: str
    pool: str
    amount_out: Decimal
    network_fee: Decimal


class Quote(Model, frozen=True, kw_only=True):
    """A venue's quote. Fee and price impact are inside `amount_out`, the network fee is not.

    `fee_unpriced` says that the network fee is not known in the token out, and 0 stands for it. A
    split has its `legs`, and the `best_single` swap that it beats.
    """

    venue: str
    amount_out: Decimal
    network_fee: Decimal
    fee_bps: Decimal
    price_impact_bps: Decimal
    expires_at: datetime
    fee_unpriced: bool = False
    legs: tuple[Leg, ...] = ()
    best_single: Single | None = None


class RankedQuote(Quote, frozen=True, kw_only=True):
    """A venue's quote with `net_out`, the amount out less the network fee, by which it ranked."""

    net_out: Decimal | None = None


class Offer(Quote, frozen=True, kw_only=True):
    """A venue's present offer.

    Offers rank by `net_out`, `amount_out` less the network fee; `min_out` is the least that an
    order would accept.
    """

    net_out: Decimal
    min_out: Decimal


class Refusal(Model, frozen=True, kw_only=True):
    """Why a venue offers nothing."""

    venue: str
    reason: str


class Quotes(Model, frozen=True, kw_only=True):
    """All venues' offers. An order would go to the `best`, and to none if that is None."""

    quotes: tuple[Offer, ...]
    refusals: tuple[Refusal, ...]
    best: Offer | None


class Failure(Model, frozen=True, kw_only=True):
    """Why an order failed. `reason` is a stable code."""

    reason: str
    detail: str


class StatusChange(Model, frozen=True, kw_only=True):
    """When an order took a status."""

    status: str
    at: datetime


class Order(Model, frozen=True, kw_only=True):
    """An order as it stands after `version` events.

    `price` is in units of the token out per unit of the token in. `summary` says the order in a
    sentence, `next` what comes next, `route` why it went where it went. `vs_quote_bps` is by how
    many bps `amount_out` is above `quoted_out`.
    """

    order_id: str
    status: str
    version: int
    token_in: str
    token_out: str
    amount_in: Decimal
    max_slippage_bps: int
    submitted_at: datetime
    updated_at: datetime
    status_history: tuple[StatusChange, ...]
    client_order_id: str | None = None
    expires_at: datetime | None = None
    attempts: int = 0
    venue: str | None = None
    quotes: tuple[RankedQuote, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    route: ChosenRoute | None = None
    quoted_out: Decimal | None = None
    min_out: Decimal | None = None
    signature: str | None = None
    amount_out: Decimal | None = None
    price: Decimal | None = None
    vs_quote_bps: Decimal | None = None
    account: str = ""
    summary: str = ""
    next: NextStep | None = None
    actions: tuple[Action, ...] = ()
    failure: Failure | None = None
    unresolved: bool = False
    cancel_requested: bool = False
    contradicted: bool = False

    @property
    def ended(self) -> bool:
        """Return whether nothing will happen any more."""
        return self.status in ENDS


class OrderSummary(Model, frozen=True, kw_only=True):
    """An order in a list: without its quotes and its history."""

    order_id: str
    status: str
    version: int
    token_in: str
    token_out: str
    amount_in: Decimal
    max_slippage_bps: int
    submitted_at: datetime
    updated_at: datetime
    client_order_id: str | None = None
    expires_at: datetime | None = None
    attempts: int = 0
    venue: str | None = None
    quoted_out: Decimal | None = None
    min_out: Decimal | None = None
    signature: str | None = None
    amount_out: Decimal | None = None
    price: Decimal | None = None
    vs_quote_bps: Decimal | None = None
    account: str = ""
    failure_reason: str | None = None
    unresolved: bool = False
    cancel_requested: bool = False
    contradicted: bool = False


class Total(Model, frozen=True, kw_only=True):
    """How many match on all pages; if they were not all counted, it is not `exact`."""

    count: int
    exact: bool


class Page(Model, frozen=True, kw_only=True):
    """Orders, newest first, or changes, oldest first.

    `next` is the cursor of the page behind, None on the last one. `total` is there if asked for.
    """

    orders: tuple[OrderSummary, ...]
    next: str | None = None
    total: Total | None = None


class Fill(Model, frozen=True, kw_only=True):
    """A confirmed swap. If it is `contradicted`, the chain has said otherwise since."""

    order_id: str
    token_in: str
    token_out: str
    amount_in: Decimal
    amount_out: Decimal
    price: Decimal
    signature: str
    contradicted: bool
    submitted_at: datetime
    confirmed_at: datetime
    client_order_id: str | None = None
    account: str = ""
    venue: str | None = None
    quoted_out: Decimal | None = None
    vs_quote_bps: Decimal | None = None


class FillPage(Model, frozen=True, kw_only=True):
    """Fills, the one confirmed last first. `next` and `total` are those of a `Page`."""

    fills: tuple[Fill, ...]
    next: str | None = None
    total: Total | None = None


class Event(Model, frozen=True, kw_only=True):
    """One thing that happened to an order. `fields` has all of it, as the gateway sent it.

    `status` is the order's once this had happened.
    """

    order_id: str
    version: int
    type: str
    status: str
    at: datetime
    venue: str | None = None
    signature: str | None = None
    fields: Mapping[str, Any] = {}

    @property
    def ended(self) -> bool:
        """Return whether the order was at its end with this."""
        return self.status in ENDS


def event_of(fields: Mapping[str, Any]) -> Event:
    """Return the event that a JSON object describes. Raises `msgspec.ValidationError`."""
    return msgspec.convert({**fields, "fields": fields}, Event)


def events_in(message: Mapping[str, Any]) -> list[Event]:
    """Return the events of a message about an account. Raises `msgspec.ValidationError`."""
    return [event_of(fields) for fields in message.get("events", ())]


def orders_in(message: Mapping[str, Any]) -> list[OrderSummary]:
    """Return the orders of a message about an account. Raises `msgspec.ValidationError`."""
    return msgspec.convert(message.get("orders", ()), list[OrderSummary], strict=False)


class Lost(Model, frozen=True, kw_only=True):
    """What happened between `since` and now cannot be told any more, and `why`.

    `updated_since=since` lists the orders that it may be about.
    """

    since: datetime
    why: str


class BatchItem(Model, frozen=True, kw_only=True):
    """One order of a batch: accepted with an `order_id`, or refused with a `problem`."""

    order_id: str | None = None
    status: str = ""
    repeated: bool = False
    problem: Problem | None = None


class Batch(Model, frozen=True, kw_only=True):
    """One answer for each order of a batch, as they were sent."""

    orders: tuple[BatchItem, ...]
