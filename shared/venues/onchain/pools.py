"""Pools as all venues that have some show them: read by one, traded in alone or by several."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Final, Protocol

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.firewall.allowed import SwapDecoder
from shared.solana.terms import Terms
from shared.tokens.registry import Token
from shared.venues.onchain.offers import Offer

SCALE: Final = 2**96  # Marginal prices are in atoms out for so many atoms in.
ENVELOPE_UNITS: Final = 40_000  # Compute units of a transaction around its swaps, more or less.


class NoSwap(Exception):
    """A pool's program would refuse; the message says why."""


class Pool(Protocol):
    """A pool of a pair at a moment, in one direction. No call does I/O; amounts are in atoms.

    `units` are the compute units of one swap, more or less; `written` the accounts that a swap
    changes and whose priority fees count; `reader` knows the swap's instruction, and `slippage` is
    the error by which its program says that it would pay less than was asked for. `price` is in
    atoms out for an atom in, before fees and impact, and `depth` what lies in it of the token in;
    both are 0 where nobody could trade.
    """

    @property
    def venue(self) -> str: ...  # noqa: D102 - the class says it

    @property
    def address(self) -> Pubkey: ...  # noqa: D102

    @property
    def units(self) -> int: ...  # noqa: D102

    @property
    def reader(self) -> SwapDecoder: ...  # noqa: D102

    @property
    def written(self) -> tuple[Pubkey, ...]: ...  # noqa: D102

    @property
    def slippage(self) -> int: ...  # noqa: D102

    @property
    def price(self) -> Fraction: ...  # noqa: D102

    @property
    def depth(self) -> int: ...  # noqa: D102

    def offer(self, amount_in: int) -> Offer:
        """Return exactly what it pays, and how that comes about. Raises `NoSwap`."""
        ...

    def takes(self, price: int) -> int:
        """Return how many atoms it takes until the next one is paid less than `price`.

        `price` is in atoms out for `SCALE` atoms in, after fees, and at least 1. For less it takes
        no fewer. Roundings may be left aside.
        """
        ...

    def shape(self, amount_in: int) -> Hashable:
        """Return the same for all swaps that take the same compute units."""
        ...

    def swap(self, terms: Terms) -> Instruction:
        """Return the instruction that does the terms, and fails for less than their `min_out`."""
        ...


class Pools(Struct, frozen=True, kw_only=True):
    """The pools of a pair that can be traded in, and why others of them are passed over."""

    found: Sequence[Pool]
    faults: Sequence[str] = ()


class PoolSource(Protocol):
    """A venue's pools, as they are read from the chain."""

    async def __call__(self, token_in: Token, token_out: Token) -> Pools:
        """Return the pools of a pair, read together. One read serves all who ask within a tick.

        Raises `ServerAway` where no node answers, `VenueUnavailable` where one refuses.
        """
        ...


class Best(Struct, frozen=True, kw_only=True):
    """The pool that pays most, and its offer."""

    pool: Pool
    offer: Offer


def best_of(pools: Pools, amount_in: int) -> Best:
    """Return the pool that pays most for `amount_in` atoms; of equals, always the same one.

    Raises `NoSwap` where none would swap, with every pool's reason.
    """
    offers, refusals = list[Best](), list(pools.faults)
    for pool in pools.found:
        try:
            offers.append(Best(pool=pool, offer=pool.offer(amount_in)))
        except NoSwap as error:
            refusals.append(str(error))
    if not offers:
        raise NoSwap("; ".join(dict.fromkeys(refusals)) or "has no pool of this pair")
    return max(offers, key=lambda best: (best.offer.amount_out, bytes(best.pool.address)))


def deepest_price(pools: Sequence[Pool]) -> Fraction:
    """Return atoms out for an atom in by the pool with most to come in; 0 where there is none."""
    return max(((pool.depth, pool.price) for pool in pools if pool.price), default=(0, Fraction()))[
        1
    ]
