"""The fee of a pool: a base, and a part that grows with each bin the price crosses.

Rates are billionths. Formulas: extensions/lb_pair.rs of the SDK's commons.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from shared.venues.meteora.accounts import FeeTerms, LbPair, Volatility

_BILLION: Final = 1_000_000_000
_MOST_RATE: Final = 100_000_000  # A tenth.
_BPS: Final = 10_000  # Also what a bin counts in the volatility.
_VARIABLE: Final = 100_000_000_000
_ORDERS_SHARE: Final = 5_000  # Of the fee that limit orders earn, in bps: for who placed them.


def referenced(pair: LbPair, unix_time: int) -> Volatility:
    """Return the volatility that a swap at `unix_time`, in seconds, begins with.

    Within the filter period it goes on from where it was. After that it is measured from the
    active bin, with a part of what was before until the decay period is over.
    """
    was, terms = pair.volatility, pair.fees
    elapsed = unix_time - was.updated
    if elapsed < terms.filter_period:
        return was
    kept = was.accumulator * terms.reduction_factor // _BPS if elapsed < terms.decay_period else 0
    return replace(was, index=pair.active_id, reference=kept)


def accumulated(volatility: Volatility, terms: FeeTerms, bin_id: int) -> Volatility:
    """Return the volatility once a swap trades in a bin."""
    moved = volatility.reference + abs(volatility.index - bin_id) * _BPS
    return replace(volatility, accumulator=min(moved, terms.max_volatility))


def rate_of(terms: FeeTerms, bin_step: int, volatility: Volatility) -> int:
    """Return the fee's rate in billionths, a tenth at most."""
    base: int = terms.base_factor * bin_step * 10 * 10**terms.power
    moved = (volatility.accumulator * bin_step) ** 2
    variable = -(-terms.variable_fee_control * moved // _VARIABLE)
    return min(base + variable, _MOST_RATE)


def fee_from(amount: int, rate: int) -> int:
    """Return the fee that is in an amount, rounded up."""
    return -(-amount * rate // _BILLION)


def fee_on(amount: int, rate: int) -> int:
    """Return the fee that comes on top of an amount, rounded up."""
    return -(-amount * rate // (_BILLION - rate))


def protocol_fee(fee: int, share: int, liquidity_in: int, all_in: int) -> int:
    """Return the protocol's part of a bin's fee.

    `share` is in bps of the part that the bin's liquidity earns, by the amount in that it took; of
    the rest half is for those who placed limit orders. A fee of nothing taken, as recorded answers
    show and the SDK does not, is the protocol's alone.
    """
    if not all_in:
        return fee
    of_liquidity = -(-fee * liquidity_in // all_in)
    of_orders = fee - of_liquidity
    theirs = of_orders * _ORDERS_SHARE // _BPS
    return of_orders - theirs + of_liquidity * share // _BPS
