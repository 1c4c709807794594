"""What the engine needs from a venue, and nothing more.

Bad news comes in three kinds::

    VenueRejected      a final no to a quote, a build or a send
    VenueUnavailable   the venue answered with an error; another attempt may help
    VenueUnreachable   nothing answered; to be waited for, and never counted as an attempt
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from shared.errors import ServerAway
from shared.orders.events import OrderRouted
from shared.orders.values import (
    FailureReason,
    Quote,
    Receipt,
    SignedTransaction,
    SwapIntent,
)


class VenueRejected(Exception):
    """A final no. After a refused `send` the bytes may have landed all the same: ask `status`."""

    reason = FailureReason.VENUE_REJECTED


class InsufficientFunds(VenueRejected):
    """The wallet lacks what the swap takes. Nothing is signed."""

    reason = FailureReason.INSUFFICIENT_FUNDS


class FirewallRefused(VenueRejected):
    """The transaction would do something else than the order asks for. Nothing is signed."""

    reason = FailureReason.FIREWALL_REFUSED


class RouteGone(Exception):
    """The price has moved: the venue pays less now than the route promises. Nothing is signed."""


class BuildFailed(RouteGone):
    """The venue does not build what it has quoted. The order is routed anew, past this venue.

    Where others quote, the order comes back to it no more. Nothing is signed.
    """


class VenueUnavailable(Exception):
    """The venue answered with an error. Trying again later may help.

    One that `counts` tells against the venue's health.
    """

    counts = True


class VenueUnreachable(ServerAway):
    """The venue's network did not answer. Wait for it."""


class Landed(Struct, frozen=True):
    """The swap happened. Until it is `final`, a fork of the chain may still take it back."""

    receipt: Receipt
    final: bool = True


class Failed(Struct, frozen=True):
    """The transaction is on the chain and swapped nothing; it never will."""

    reason: FailureReason
    detail: str


class Expired(Struct, frozen=True):
    """It is proven that the transaction can never land."""

    proof: str


class Pending(Struct, frozen=True):
    """The chain knows the transaction and has not decided."""


class Unknown(Struct, frozen=True):
    """The node has no trace of it. That is no proof: it may still land, or have landed."""


Answer = Landed | Failed | Expired | Pending | Unknown


class Venue(Protocol):
    """A place to swap. Calls may be made at the same time and may be cancelled at any moment."""

    @property
    def name(self) -> str:
        """Return the name by which routes and metrics know the venue."""
        ...

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the venue pays now for the intent."""
        ...

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign a swap that pays the account at least `route.min_out` or fails on chain.

        Raises `RouteGone` to have the order routed anew, and `BuildFailed` to have it go to
        another venue.

        Nothing leaves: the caller records the result before it sends. The order's id travels in
        the transaction, so that the chain can be searched for it.
        """
        ...

    async def send(self, transaction: SignedTransaction) -> None:
        """Hand the bytes to the chain: one effect at most, however often they are sent."""
        ...

    async def status(self, signatures: Sequence[str]) -> Sequence[Answer]:
        """Return what the chain says of each signature, in order, in one question.

        An error is never an answer: it raises.
        """
        ...

    async def search(self, transactions: Sequence[SignedTransaction]) -> Sequence[Answer]:
        """Return what the chain's whole history says of each, in order: asked after `Unknown`.

        `Expired` takes two things, in this order: the finalised height is past `valid_until`, and
        then a node that is past it too, and has kept every block that might hold the transaction,
        finds it in none. Whatever falls short of that is `Unknown`, or raises.
        """
        ...
