"""The fees of a transaction, in lamports.

They follow Solana's fee structure: 5,000 lamports a signature, and the price of the compute units
that were asked for, rounded up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

LAMPORTS_PER_SIGNATURE: Final = 5_000
MAX_CU_LIMIT: Final = 1_400_000  # Units a transaction may ask for.

_MICRO = 1_000_000
_PERCENT = 100
_MARGIN_PERCENT = 115
# A swap that has to write a pool's observation, as one in 15 seconds does, takes 5,000 units more,
# and another path through a division 2,000; each try at an account's address takes 1,500.
_SPARE = 20_000


class NetworkFee(Struct, frozen=True):
    """The lamports that a transaction costs, landed or failed; `base` is for its signatures."""

    base: int
    priority: int

    @property
    def total(self) -> int:
        """Return both, in lamports."""
        return self.base + self.priority


def network_fee(signatures: int, cu_limit: int, cu_price: int) -> NetworkFee:
    """Return the fee of a transaction; the price is in micro-lamports a compute unit."""
    return NetworkFee(signatures * LAMPORTS_PER_SIGNATURE, -(-cu_limit * cu_price // _MICRO))


def cu_price(recent: Sequence[int], percentile: int, least: int, most: int) -> int:
    """Return the price to offer, in micro-lamports a compute unit: `least` where nobody paid.

    `recent` holds each `prioritizationFee` of getRecentPrioritizationFees; the price is the one
    that `percentile` percent of them are not above (nearest rank), within both bounds.
    """
    if not 0 < percentile <= _PERCENT:
        raise ValueError("percentile must be 1 to 100")
    if not recent:
        return least
    rank = -(-percentile * len(recent) // _PERCENT)
    return min(max(sorted(recent)[rank - 1], least), most)


def cu_limit(simulated: int, most: int = MAX_CU_LIMIT) -> int:
    """Return the units to ask for: those of a simulation, 15 % and 20,000 more, at most `most`.

    One simulation serves other amounts, and the pool moves on meanwhile.
    """
    return min(-(-simulated * _MARGIN_PERCENT // _PERCENT) + _SPARE, most)
