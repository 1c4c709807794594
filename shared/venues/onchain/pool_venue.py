"""A venue that trades in the one pool of a pair that pays most."""

from __future__ import annotations

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.solana.fees import network_fee
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.offers import Pair, pair_of
from shared.venues.onchain.pools import ENVELOPE_UNITS, Best, NoSwap, PoolSource, best_of
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import RouteGone, VenueRejected


class PoolVenue(OnChainVenue):
    """Quotes by the pools of one source, and swaps in them."""

    def __init__(self, name: str, chain: SolanaChain) -> None:
        """`chain.sources` has the venue's pools under its name."""
        super().__init__(name, chain)
        self._source: PoolSource = chain.sources[name]

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the best pool pays now, to the atom."""
        pair = pair_of(intent, self.chain.tokens)
        best = await self._best(pair)
        price = await self.chain.state.cu_price(best.pool.written)
        fee = network_fee(1, ENVELOPE_UNITS + best.pool.units, price)
        return await self.offered(pair, best.offer, fee.total)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign a swap in the pool that pays most now. Raises `RouteGone` if that is too little."""
        swapping = await self.chain.signing.swap(routed)
        terms = swapping.terms
        best = await self._best(pair_of(routed.intent, self.chain.tokens))
        if best.offer.amount_out < terms.min_out:
            raise RouteGone(f"pays {best.offer.amount_out} atoms now, {terms.min_out} are asked")
        plan = Plan(
            instructions=[best.pool.swap(terms)],
            venue=best.pool.reader,
            written=best.pool.written,
            shape=best.pool.shape(terms.amount_in),
            slippage={best.pool.slippage},
        )
        return await self.chain.signing.sign(swapping, plan)

    async def _best(self, pair: Pair) -> Best:
        """Return the swap in the pool that pays most. Raises `VenueRejected`."""
        try:
            return best_of(await self._source(pair.token_in, pair.token_out), pair.amount_in)
        except NoSwap as error:
            raise VenueRejected(str(error)) from None
