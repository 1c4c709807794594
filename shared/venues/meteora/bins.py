"""One bin's part of a swap: what it offers, and what it takes for it, to the atom.

Formulas: quote.rs of the SDK's commons.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.venues.meteora.accounts import BinArray, LbPair
from shared.venues.meteora.fees import fee_from, fee_on, protocol_fee
from shared.venues.meteora.prices import amount_in, amount_out, price_of
from shared.venues.onchain import pools

_U64: Final = 2**64
_BILLION: Final = 1_000_000_000
_MINING, _LIMIT_ORDERS = 1, 2  # Of `function_type`; 0 is undetermined.


class NoSwap(pools.NoSwap):
    """The program would refuse. `code` is its error; None where it would panic."""

    def __init__(self, why: str, code: int | None = None) -> None:
        """Say why."""
        super().__init__(why)
        self.code = code


class Offered(Struct, frozen=True):
    """The atoms that a bin has for a swap, in the order in which they are taken, and its price."""

    price: int
    atoms: tuple[int, int, int]


class Terms(Struct, frozen=True):
    """A swap's terms in a bin: the token that comes in, and the fee with the protocol's share."""

    side: int
    rate: int
    share: int
    on_input: bool


class Taken(Struct, frozen=True, kw_only=True):
    """A bin's part of a swap, in atoms, all fees included; `orders` are the kinds that were filled.

    Of limit orders there are two kinds: those that have been begun, and those that have not.
    """

    amount_in: int
    amount_out: int
    fee: int
    protocol_fee: int
    orders: int


def offered(array: BinArray, bin_id: int, pair: LbPair, side: int) -> Offered | None:
    """Return what a bin has for swaps of token `side`, or None for nothing.

    Its liquidity goes first, then limit orders, if the pool may have them: one of an undetermined
    function has, as long as it has no farming rewards.
    """
    if bin_id not in array.liquid:
        return None
    found, kind = array.bin(bin_id), pair.function_type
    has_orders = kind == _LIMIT_ORDERS or (kind != _MINING and not pair.rewards)
    orders = found.orders if has_orders and found.asks == bool(side) else (0, 0)
    atoms = (found.amounts[1 - side], *orders)
    if not any(atoms):
        return None
    return Offered(found.price or price_of(bin_id, pair.bin_step), atoms)


def take(bin_: Offered, amount: int, terms: Terms) -> Taken:
    """Return what a bin takes of `amount`: all of it, or as much as it can pay for.

    Raises `NoSwap` for a bin that the program cannot count.
    """
    fee = fee_from(amount, terms.rate) if terms.on_input else 0
    left = net = amount - fee
    parts, out = list[int](), 0
    for atoms in bin_.atoms:
        most = amount_in(atoms, bin_.price, terms.side)
        if most >= _U64:
            raise NoSwap("a bin holds more than the program can count")
        out += atoms if left >= most else amount_out(left, bin_.price, terms.side)
        parts.append(min(left, most))
        left -= parts[-1]
    if left and terms.on_input:
        fee = fee_on(net - left, terms.rate)
    of_whole = Taken(
        amount_in=net - left + fee if left else amount,
        amount_out=out,
        fee=fee,
        protocol_fee=protocol_fee(fee, terms.share, parts[0], sum(parts)),
        orders=sum(part > 0 for part in parts[1:]),
    )
    return of_whole if terms.on_input else _less_fee(of_whole, terms, parts)


def room(bin_: Offered, terms: Terms, scale: int) -> tuple[int, int]:
    """Return the price of a bin for `scale` atoms in, fee taken off, and the atoms it takes in all.

    Both are rounded down.
    """
    paid = amount_out(scale * (_BILLION - terms.rate), bin_.price, terms.side) // _BILLION
    net = sum(amount_in(atoms, bin_.price, terms.side) for atoms in bin_.atoms)
    return paid, net + (fee_on(net, terms.rate) if terms.on_input else 0)


def _less_fee(taken: Taken, terms: Terms, parts: list[int]) -> Taken:
    """Return the same with the fee taken of what comes out."""
    fee = fee_from(taken.amount_out, terms.rate)
    theirs = protocol_fee(fee, terms.share, parts[0], sum(parts))
    return replace(taken, amount_out=taken.amount_out - fee, fee=fee, protocol_fee=theirs)
