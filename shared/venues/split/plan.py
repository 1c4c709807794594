"""A division as a transaction: its cost, its bounds, its instructions, and whether it fits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import Mint
from shared.solana.building.swap import Envelope, swap_message
from shared.solana.fees import network_fee
from shared.solana.firewall.allowed import SwapCall, SwapDecoder
from shared.solana.signing import check_size
from shared.solana.terms import Terms
from shared.venues.onchain.offers import Offer
from shared.venues.onchain.pools import ENVELOPE_UNITS
from shared.venues.split.divide import Division, amount_out

_ONE_IN_BPS: Final = 10_000
_CENT_OF_A_BP: Final = Decimal("0.01")
_SOMEBODY: Final = Pubkey(bytes([1] * 32))
_AN_ORDER: Final = "00000000-0000-7000-8000-000000000000"  # As long as every order's id.


class Costed(Struct, frozen=True, kw_only=True):
    """A division, and its transaction's fee: in lamports, and in atoms of the token out."""

    division: Division
    lamports: int
    fee: int

    @property
    def amount_out(self) -> int:
        """Return what it pays before the fee, in atoms."""
        return amount_out(self.division)

    @property
    def net_out(self) -> int:
        """Return what it pays after the fee, in atoms."""
        return self.amount_out - self.fee


def best_of(costed: Collection[Costed]) -> Costed | None:
    """Return the one that pays most after its fee, over the fewest pools; None of none."""
    return max(costed, key=lambda one: (one.net_out, -len(one.division)), default=None)


def pays_more(split: Costed, single: Costed, gain_bps: int) -> bool:
    """Return whether a split pays more than one pool after all fees, by so many 0.01 % at least."""
    gain = split.net_out - single.net_out
    return gain > 0 and gain * _ONE_IN_BPS >= single.net_out * gain_bps


def fee_of(division: Division, cu_price: int) -> int:
    """Return the fee of its transaction in lamports; the price is in micro-lamports a unit."""
    units = ENVELOPE_UNITS + sum(part.pool.units for part in division)
    return network_fee(1, units, cu_price).total


def written(division: Division) -> tuple[Pubkey, ...]:
    """Return the accounts that it writes, and whose priority fees count."""
    return tuple(key for part in division for key in part.pool.written)


def whole(division: Division) -> Offer:
    """Return the offer of all parts: fee and impact are those of the parts, by their amounts in."""
    amount_in = sum(part.amount_in for part in division)
    fee = sum(part.offer.fee_bps * part.amount_in for part in division)
    impact = sum(part.offer.price_impact_bps * part.amount_in for part in division)
    return Offer(
        amount_out=amount_out(division),
        fee_bps=(Decimal(fee) / amount_in).quantize(_CENT_OF_A_BP),
        price_impact_bps=(Decimal(impact) / amount_in).quantize(_CENT_OF_A_BP),
    )


def least(division: Division, min_out: int) -> list[int]:
    """Return each part's least amount out: together `min_out` or more, and each in its proportion.

    No part is asked for more than it pays now, unless all of them pay less than `min_out`.
    """
    outs = [part.offer.amount_out for part in division]
    pays = sum(outs)
    bounds = [min_out * out // pays for out in outs]
    for at, out in enumerate(outs):
        if sum(bounds) < min_out and bounds[at] < out:
            bounds[at] += 1
    return [max(1, bound) for bound in bounds]


def instructions(division: Division, terms: Terms) -> list[Instruction]:
    """Return a swap for each part: all of them give and get what the terms say."""
    return [
        part.pool.swap(replace(terms, amount_in=part.amount_in, min_out=bound))
        for part, bound in zip(division, least(division, terms.min_out), strict=True)
    ]


def anybodys(mint_in: Mint, mint_out: Mint, amount_in: int) -> Terms:
    """Return terms whose transaction is as large as anybody's who takes any price."""
    return Terms(
        wallet=_SOMEBODY,
        mint_in=mint_in,
        mint_out=mint_out,
        amount_in=amount_in,
        min_out=1,
        order_id=_AN_ORDER,
        attempt=1,
        token_account_rent=1,
    )


def fits(division: Division, terms: Terms, existing: Collection[Pubkey]) -> bool:
    """Return whether it fits into a transaction; `existing` are token accounts that there are."""
    envelope = Envelope(blockhash=Hash.default(), cu_limit=0, cu_price=0, existing=existing)
    try:
        check_size(swap_message(terms, instructions(division, terms), envelope))
    except ValueError:
        return False
    return True


class Readers(Struct, frozen=True):
    """Reads the swaps of several venues for the firewall, each by its own reader."""

    of: Sequence[SwapDecoder]

    @property
    def programs(self) -> Collection[Pubkey]:
        """Return the programs of all."""
        return frozenset(program for reader in self.of for program in reader.programs)

    def decode(self, instruction: Instruction) -> SwapCall:
        """Return the promise of an instruction. Raises `ValueError` as its reader does."""
        for reader in self.of:
            if instruction.program_id in reader.programs:
                return reader.decode(instruction)
        raise ValueError(f"is of program {instruction.program_id}, which is none of the venues'")
