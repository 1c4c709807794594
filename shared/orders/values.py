"""The nouns an order event is made of."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct


class Value(Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """Something that is what it holds; two with equal fields are the same."""


class SwapIntent(Value, frozen=True, kw_only=True):
    """The client's wish: give exactly `amount_in`, get as much as possible.

    `max_slippage_bps` (1 bp = 0.01 %) bounds the outcome below the quote; it never ranks venues.
    After `expires_at` the order must not be signed.
    """

    token_in: str
    token_out: str
    amount_in: Decimal
    max_slippage_bps: int
    expires_at: datetime | None = None


class Leg(Value, frozen=True, kw_only=True):
    """A part of a swap over several pools; `amount_in` is its share of the order's.

    `pool` is the pool's address.
    """

    venue: str
    pool: str
    amount_in: Decimal
    amount_out: Decimal


class Single(Value, frozen=True, kw_only=True):
    """The best swap in one pool alone, `network_fee` not yet taken off."""

    venue: str
    pool: str
    amount_out: Decimal
    network_fee: Decimal

    @property
    def net_out(self) -> Decimal:
        """Return what would have been left for the client, in units of the token out."""
        return self.amount_out - self.network_fee


class Quote(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A venue's offer for an intent.

    `amount_out` is after the venue's fee and price impact. `network_fee`, in units of the token
    out, is the chain's charge for landing the swap; it is 0 and `fee_unpriced` where no pools tell
    its price. `fee_bps` and `price_impact_bps` are already inside `amount_out`, and are kept to
    explain that amount. A swap over several pools has its `legs`, whose amounts add up to it, and
    the `best_single`: it has to pay less. `seen_at` is when the price held, where the venue says
    that it is an older one.
    """

    venue: str
    amount_out: Decimal
    network_fee: Decimal
    fee_bps: Decimal
    price_impact_bps: Decimal
    expires_at: datetime
    # Left out of the event where they say nothing.
    fee_unpriced: bool = False
    legs: tuple[Leg, ...] = ()
    best_single: Single | None = None
    seen_at: datetime | None = None

    @property
    def net_out(self) -> Decimal:
        """Return what is left for the client, in units of the token out: quotes rank by this."""
        return self.amount_out - self.network_fee


class Refusal(Value, frozen=True, kw_only=True):
    """Why a venue gave no quote."""

    venue: str
    reason: str


class Discount(Value, frozen=True, kw_only=True):
    """A venue's quote counted for less because of its record: by `bps` of its net amount."""

    venue: str
    bps: int


class Route(Value, frozen=True, kw_only=True):
    """The quote to execute, and the least the client must receive."""

    quote: Quote
    min_out: Decimal

    @property
    def venue(self) -> str:
        """Return the name of the venue that won."""
        return self.quote.venue


class SignedTransaction(Value, frozen=True, kw_only=True):
    """A transaction that may be sent any number of times and lands at most once.

    `payload` stays inside Slipstream: anybody who has the bytes can send them.
    `valid_until` is the last block height at which the chain accepts it, and `signed_slot` a slot
    before which it cannot have landed: slots run ahead of heights, and are never compared to them.
    """

    signature: str
    payload: bytes
    valid_until: int
    signed_slot: int = 0


class Receipt(Value, frozen=True, kw_only=True):
    """The amounts of a landed swap, by the chain's own word."""

    amount_in: Decimal
    amount_out: Decimal

    @property
    def price(self) -> Decimal:
        """Return units of the token out per unit of the token in."""
        return self.amount_out / self.amount_in


class FailureReason(StrEnum):
    """Why an order failed. Stable codes: clients match on them."""

    NO_ROUTE = "NO_ROUTE"
    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"  # noqa: S105 - a coin, and no password
    VENUE_REJECTED = "VENUE_REJECTED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    FIREWALL_REFUSED = "FIREWALL_REFUSED"
    ROUTES_EXHAUSTED = "ROUTES_EXHAUSTED"
    RETRIES_EXHAUSTED = "RETRIES_EXHAUSTED"
    SLIPPAGE_EXCEEDED = "SLIPPAGE_EXCEEDED"
    FAILED_ON_CHAIN = "FAILED_ON_CHAIN"


# Only these may end an order once it is signed: they are the chain's own words.
CHAIN_ANSWERS = frozenset({FailureReason.SLIPPAGE_EXCEEDED, FailureReason.FAILED_ON_CHAIN})
