"""The venue `meteora`: the deepest pools of a pair, quoted to the atom, and swapped in by us."""

from __future__ import annotations

from typing import Final

from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.solana.fees import network_fee
from shared.tokens.registry import Token
from shared.venues.meteora.accounts import BadAccount
from shared.venues.meteora.bins import NoSwap
from shared.venues.meteora.bitmap import arrays_from
from shared.venues.meteora.figures import fee_bps, price_impact_bps
from shared.venues.meteora.instruction import SwapReader, swap2
from shared.venues.meteora.pools import PoolReader
from shared.venues.meteora.quote import ARRAYS, Best, best_of
from shared.venues.meteora.walk import Standing
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.offers import Offer, Pair, pair_of
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import RouteGone, VenueRejected

_UNITS: Final = 100_000  # Compute units of a swap within a bin, with its wrapping, more or less.
_UNITS_A_BIN: Final = 7_000  # For each that it goes through, at most.
_SPARE_BINS: Final = 4  # The price may move on before the swap lands.


class MeteoraVenue(OnChainVenue):
    """Trades in Meteora's pools of bins, the best one of a pair."""

    def __init__(self, name: str, chain: SolanaChain) -> None:
        super().__init__(name, chain)
        self._pools = PoolReader(chain.state, chain.meteora_pools)

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the best pool pays now, to the atom."""
        pair = pair_of(intent, self.chain.tokens)
        best = await self._best(pair)
        offer = Offer(
            amount_out=best.swapped.amount_out,
            fee_bps=fee_bps(best.swapped),
            price_impact_bps=price_impact_bps(best.found.pair, best.swapped),
        )
        price = await self.chain.state.cu_price(_written(best.found))
        lamports = network_fee(1, _UNITS + _passed(best) * _UNITS_A_BIN, price).total
        return await self.offered(pair, offer, lamports)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign a swap in the pool that pays most now. Raises `RouteGone` if that is too little."""
        swapping = await self.chain.signing.swap(routed)
        terms = swapping.terms
        best = await self._best(pair_of(routed.intent, self.chain.tokens))
        if best.swapped.amount_out < terms.min_out:
            raise RouteGone(f"pays {best.swapped.amount_out} atoms now, {terms.min_out} are asked")
        found, arrays = best.found, _arrays(best)
        passed = _passed(best)
        most = 1 << passed.bit_length()  # Swaps of up to so many bins have the same limit.
        plan = Plan(
            instructions=[swap2(terms, found.address, found.pair, arrays)],
            venue=SwapReader(arrays),
            written=_written(found),
            shape=(found.address, best.swapped.side, most),
            spare_units=(most - passed + _SPARE_BINS) * _UNITS_A_BIN,
        )
        return await self.chain.signing.sign(swapping, plan)

    async def _best(self, pair: Pair) -> Best:
        """Return the swap in the pool that pays most. Raises `VenueRejected`."""
        tokens = (pair.token_in, pair.token_out)
        try:
            pools = await self._pools.pools({_mint(token): token.decimals for token in tokens})
            return best_of(pools, _mint(pair.token_in), pair.amount_in)
        except (NoSwap, BadAccount) as error:
            raise VenueRejected(str(error)) from None


def _arrays(best: Best) -> tuple[int, ...]:
    """Return the bin arrays to name: those of the swap, and the next ones on both of its sides.

    The price may move on before the swap lands, and a swap that lacks an array fails.
    """
    pair, swapped = best.found.pair, best.swapped
    ahead = arrays_from(pair, swapped.side, ARRAYS)[: len(swapped.arrays) + 1]
    behind = arrays_from(pair, 1 - swapped.side, 2)
    return tuple(dict.fromkeys((*ahead, *behind)))


def _passed(best: Best) -> int:
    """Return how many bins a swap goes through, the first included."""
    return abs(best.swapped.active_id - best.found.pair.active_id) + 1


def _mint(token: Token) -> Pubkey:
    return Pubkey.from_string(token.mint)


def _written(found: Standing) -> tuple[Pubkey, ...]:
    return (found.address, *found.pair.reserves)
