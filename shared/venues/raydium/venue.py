"""The venue `raydium`: every pool of a pair, quoted to the atom, and swapped in by us."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple

from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.solana.addresses import WRAPPED_SOL
from shared.solana.fees import network_fee
from shared.tokens.registry import Token
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.offers import Offer, Pair, pair_of
from shared.venues.onchain.reading import Snapshot
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import RouteGone, VenueRejected
from shared.venues.raydium.curve import NoSwap, fee_bps, price_impact_bps
from shared.venues.raydium.instruction import SwapReader, swap_base_input
from shared.venues.raydium.program import keys_of
from shared.venues.raydium.quote import (
    Best,
    Found,
    Pools,
    Side,
    best_of,
    deepest_price,
    read_pools,
)

_UNITS: Final = 120_000  # Compute units of a swap with its wrapping, more or less.
_SOL: Final = Side(WRAPPED_SOL, 9)
_MOST_PAIRS: Final = 4_096


class _Read(NamedTuple):
    """A pair's pools, and the snapshot that they were read from: it serves all quotes of a tick."""

    snapshot: Snapshot
    pools: Pools


class RaydiumVenue(OnChainVenue):
    """Trades in the constant-product pools of Raydium, the best one of a pair."""

    def __init__(self, name: str, chain: SolanaChain) -> None:
        super().__init__(name, chain)
        self._last: dict[tuple[Side, Side], _Read] = {}

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the best pool pays now, to the atom."""
        pair = pair_of(intent, self.chain.tokens)
        best = await self._best(pair)
        offer = Offer(
            amount_out=best.swapped.amount_out,
            fee_bps=fee_bps(best.swapped),
            price_impact_bps=price_impact_bps(best.found.standing, best.swapped),
        )
        price = await self.chain.state.cu_price(_written(best.found))
        lamports = network_fee(1, _UNITS, price).total
        return self.offered(pair, offer, lamports, await self._sol_price(pair))

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign a swap in the pool that pays most now. Raises `RouteGone` if that is too little."""
        swapping = await self.chain.signing.swap(routed)
        terms = swapping.terms
        best = await self._best(pair_of(routed.intent, self.chain.tokens))
        if best.swapped.amount_out < terms.min_out:
            raise RouteGone(f"pays {best.swapped.amount_out} atoms now, {terms.min_out} are asked")
        found = best.found
        pool = found.standing.pool
        plan = Plan(
            instructions=[swap_base_input(terms, found.address, pool, found.side)],
            venue=SwapReader(),
            written=_written(found),
            shape=(found.address, found.side),
        )
        return await self.chain.signing.sign(swapping, plan)

    async def _best(self, pair: Pair) -> Best:
        """Return the swap in the pool that pays most. Raises `VenueRejected`."""
        pools = await self._pools(_side(pair.token_in), _side(pair.token_out))
        try:
            return best_of(pools, pair.amount_in, self._unix_time())
        except NoSwap as error:
            raise VenueRejected(str(error)) from None

    async def _pools(self, token_in: Side, token_out: Side) -> Pools:
        """Return the pools of a pair as they are, read together."""
        snapshot = await self.chain.state.accounts(keys_of(token_in.mint, token_out.mint))
        last = self._last.get((token_in, token_out))
        if last is None or last.snapshot is not snapshot:
            if len(self._last) >= _MOST_PAIRS:
                self._last.clear()
            last = _Read(snapshot, read_pools(token_in, token_out, snapshot.accounts))
            self._last[token_in, token_out] = last
        return last.pools

    async def _sol_price(self, pair: Pair) -> Fraction:
        """Return atoms of the token out a lamport, by its deepest pool; 0 where it has none."""
        out = _side(pair.token_out)
        if out.mint == WRAPPED_SOL:
            return Fraction(1)
        return deepest_price(await self._pools(_SOL, out), self._unix_time())

    def _unix_time(self) -> int:
        return int(self.chain.now().timestamp())


def _side(token: Token) -> Side:
    return Side(Pubkey.from_string(token.mint), token.decimals)


def _written(found: Found) -> tuple[Pubkey, ...]:
    return (found.address, *found.standing.pool.vaults)
