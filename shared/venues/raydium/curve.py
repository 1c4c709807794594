"""The swap of a pool to the atom: `swap_base_input` in exact integers.

Formulas: curve/calculator.rs, curve/constant_product.rs and curve/fees.rs of the program. The
order of the refusals is the program's as well.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.venues.onchain import pools
from shared.venues.raydium.accounts import AmmConfig, Pool

MILLION: Final = 1_000_000
_BPS: Final = 10_000
_SWAP_DISABLED: Final = 4
_BOTH_TOKENS, _LAST_FEE_ON = 0, 2  # Of `creator_fee_on`.
_U64: Final = 2**64


class NoSwap(pools.NoSwap):
    """The program would refuse. `code` is its error; None where it would panic."""

    def __init__(self, why: str, code: int | None = None) -> None:
        """Say why."""
        super().__init__(why)
        self.code = code


class Standing(Struct, frozen=True, kw_only=True):
    """A pool at a slot: its account, its fee tier, and what lies in its vaults, in atoms."""

    pool: Pool
    config: AmmConfig
    vaults: tuple[int, int]

    def reserve(self, token: int) -> int:
        """Return the part of a vault that is owed to nobody, in atoms; token is 0 or 1."""
        pool = self.pool
        owed = pool.protocol_fees[token] + pool.fund_fees[token] + pool.creator_fees[token]
        return self.vaults[token] - owed


class Swapped(Struct, frozen=True, kw_only=True):
    """A swap's amounts in atoms. Protocol and fund have their shares of the trade fee.

    The creator's fee is in the token that comes in, if `creator_on_input`, or else in the other.
    """

    side: int
    amount_in: int
    amount_out: int
    net_in: int
    trade_fee: int
    protocol_fee: int
    fund_fee: int
    creator_fee: int
    creator_on_input: bool


def swap(at: Standing, side: int, amount_in: int, unix_time: int) -> Swapped:
    """Return what the pool gives for `amount_in` of token `side`, 0 or 1.

    Raises `NoSwap` where the program would refuse it at `unix_time`, in seconds.
    """
    pool, config = at.pool, at.config
    if not is_open(at, unix_time):
        raise NoSwap("swaps are switched off, or have not begun", 6000)
    if amount_in <= 0:
        raise NoSwap("the amount is 0", 2505)
    if amount_in >= _U64:
        raise NoSwap("the amount is more than the chain can count")
    x, y = _reserves(at, side)
    if pool.creator_fee_on > _LAST_FEE_ON:
        raise NoSwap("the creator's fee is of an unknown kind", 6013)
    creator_rate, on_input = _creator_rate(at), _creator_on_input(pool, side)
    rate, _ = rates(at, side)
    fee = _up(amount_in * rate, MILLION)
    if fee > amount_in:
        raise NoSwap("the fee is more than the amount", 6006)
    net = amount_in - fee
    out = net * y // (x + net)
    creator = 0
    if creator_rate and on_input:
        creator = fee * creator_rate // rate
        fee -= creator
    elif creator_rate:
        creator = _up(out * creator_rate, MILLION)
        out -= creator
    if out <= 0:
        raise NoSwap("the amount is too small to get anything", 2505)
    return Swapped(
        side=side,
        amount_in=amount_in,
        amount_out=out,
        net_in=net,
        trade_fee=fee,
        protocol_fee=fee * config.protocol_fee_rate // MILLION,
        fund_fee=fee * config.fund_fee_rate // MILLION,
        creator_fee=creator,
        creator_on_input=on_input,
    )


def rates(at: Standing, side: int) -> tuple[int, int]:
    """Return the fees of a swap of token `side` in millionths: of the token in, and of the other.

    The creator's is on the one or the other.
    """
    creator = _creator_rate(at)
    on_input = _creator_on_input(at.pool, side)
    return at.config.trade_fee_rate + creator * on_input, creator * (not on_input)


def is_open(at: Standing, unix_time: int) -> bool:
    """Return whether the program lets anybody swap at `unix_time`, in seconds."""
    return not at.pool.status & _SWAP_DISABLED and unix_time >= at.pool.open_time


def after(at: Standing, swapped: Swapped) -> Standing:
    """Return the pool as it stands after a swap."""
    pool, side = at.pool, swapped.side
    creator_side = side if swapped.creator_on_input else 1 - side
    vaults = _added(at.vaults, side, swapped.amount_in)
    fees = replace(
        pool,
        protocol_fees=_added(pool.protocol_fees, side, swapped.protocol_fee),
        fund_fees=_added(pool.fund_fees, side, swapped.fund_fee),
        creator_fees=_added(pool.creator_fees, creator_side, swapped.creator_fee),
    )
    vaults = _added(vaults, 1 - side, -swapped.amount_out)
    return Standing(pool=fees, config=at.config, vaults=vaults)


def mid_price(at: Standing, side: int) -> Fraction:
    """Return the atoms of the other token for an atom of token `side`, before fees and impact.

    Raises `NoSwap` for an empty pool.
    """
    x, y = _reserves(at, side)
    return Fraction(y, x)


def price_impact_bps(at: Standing, swapped: Swapped) -> Decimal:
    """Return how far below the mid price the curve pays: ``net / (x + net)``, fees aside."""
    net = swapped.net_in
    return _bps(net, at.reserve(swapped.side) + net)


def fee_bps(swapped: Swapped) -> Decimal:
    """Return the part that all fees take, on whichever token they are."""
    creator_out = 0 if swapped.creator_on_input else swapped.creator_fee
    before = swapped.amount_in * (swapped.amount_out + creator_out)
    return _bps(before - swapped.net_in * swapped.amount_out, before)


def _creator_rate(at: Standing) -> int:
    return at.config.creator_fee_rate if at.pool.creator_fee_enabled else 0


def _creator_on_input(pool: Pool, side: int) -> bool:
    return pool.creator_fee_on in (_BOTH_TOKENS, 1 + side)


def _reserves(at: Standing, side: int) -> tuple[int, int]:
    x, y = at.reserve(side), at.reserve(1 - side)
    if x <= 0 or y <= 0:
        raise NoSwap("the pool is empty")
    return x, y


def _bps(part: int, whole: int) -> Decimal:
    return (Decimal(_BPS * part) / Decimal(whole)).quantize(Decimal("0.01"))


def _added(pair: tuple[int, int], token: int, atoms: int) -> tuple[int, int]:
    return (pair[0] + atoms, pair[1]) if token == 0 else (pair[0], pair[1] + atoms)


def _up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
