"""The venue `split`: several pools of the other venues, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Final

from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Leg, Quote, SignedTransaction, Single, SwapIntent
from shared.solana.addresses import Mint
from shared.solana.terms import Terms
from shared.tokens.amounts import from_atoms
from shared.tokens.registry import Token
from shared.venues.onchain.chain import OnChainVenue, SolanaChain, in_token_out
from shared.venues.onchain.funds import existing_accounts
from shared.venues.onchain.offers import Pair, pair_of
from shared.venues.onchain.pools import Pool, Pools, PoolSource
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import BuildFailed, RouteGone, VenueRejected
from shared.venues.split.divide import Division, Part, amount_out, divisions
from shared.venues.split.plan import (
    Costed,
    Readers,
    anybodys,
    best_of,
    fee_of,
    fits,
    instructions,
    pays_more,
    whole,
    written,
)

_TOO_LARGE: Final = "a division over several pools does not fit into a transaction"


class SplitVenue(OnChainVenue):
    """Divides an order over pools, and offers that only where it pays more than it costs."""

    def __init__(
        self,
        name: str,
        chain: SolanaChain,
        sources: Sequence[PoolSource],
        *,
        most: int,
        gain_bps: int,
    ) -> None:
        """Take the pools of the venues that are asked, and the most of them for one swap.

        `gain_bps` is how much more a split must pay than one pool, in 0.01 %.
        """
        super().__init__(name, chain)
        self._sources = sources
        self._most = most
        self._gain_bps = gain_bps

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return the best division that pays more, net of fees, than the best pool alone."""
        if self._most == 1:
            raise VenueRejected("SPLIT_POOLS is 1: nothing is split")
        pair = pair_of(intent, self.chain.tokens)
        # Nobody says whose order it is. Most wallets have had the token out before.
        terms = anybodys(_mint(pair.token_in), _mint(pair.token_out), pair.amount_in)
        costed, too_large = await self._costed(pair, terms, (terms.pays, terms.receives))
        split = best_of([one for one in costed if len(one.division) > 1])
        single = best_of([one for one in costed if len(one.division) == 1])
        if split is None:
            raise VenueRejected(_TOO_LARGE if too_large else _undivided(single))
        if single and not pays_more(split, single, self._gain_bps):
            raise VenueRejected(self._not_worth_it(split, single, pair.token_out))
        return await self.offered(
            pair,
            whole(split.division),
            split.lamports,
            legs=[_leg(part, pair) for part in split.division],
            best_single=_single(single, pair.token_out) if single else None,
        )

    def _not_worth_it(self, split: Costed, single: Costed, token_out: Token) -> str:
        more, costs = (
            from_atoms(atoms, token_out.decimals)
            for atoms in (split.amount_out - single.amount_out, split.fee - single.fee)
        )
        return (
            f"one pool of {single.division[0].pool.venue} pays best: {len(split.division)} pools "
            f"would pay {more:f} {token_out.symbol} more, and cost {costs:f} more; they have to "
            f"gain {self._gain_bps} bps"
        )

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign whatever pays most now, over one pool or several.

        Raises `RouteGone` where that is less than the route promises, and `BuildFailed` where it is
        so because this wallet's transaction has no room for more pools.
        """
        swapping = await self.chain.signing.swap(routed)
        terms, pair = swapping.terms, pair_of(routed.intent, self.chain.tokens)
        held = await self.chain.state.accounts((terms.wallet, terms.pays, terms.receives))
        existing = existing_accounts(swapping, held)
        costed, too_large = await self._costed(pair, terms, existing)
        best = best_of([one for one in costed if one.amount_out >= terms.min_out])
        if best is None:
            if any(amount_out(one) >= terms.min_out for one in too_large):
                raise BuildFailed(_TOO_LARGE)
            pays = max((one.amount_out for one in costed), default=0)
            raise RouteGone(f"pays {pays} atoms now, {terms.min_out} are asked")
        plan = Plan(
            instructions=instructions(best.division, terms),
            venue=Readers([part.pool.reader for part in best.division]),
            written=written(best.division),
            shape=tuple(part.pool.shape(part.amount_in) for part in best.division),
            slippage={part.pool.slippage for part in best.division},
        )
        return await self.chain.signing.sign(swapping, plan)

    async def _costed(
        self, pair: Pair, terms: Terms, existing: Collection[Pubkey]
    ) -> tuple[list[Costed], list[Division]]:
        """Return the best divisions over one pool and over more, each with its fee.

        The second list has those that do not fit into the transaction.
        """
        pools, price = await asyncio.gather(
            self._pools(pair), self.chain.reference(pair.token_out, pair.token_in)
        )
        divided, too_large = list[Division](), list[Division]()
        for division in divisions(pools, pair.amount_in, self._most):
            alone = len(division) == 1
            (divided if alone or fits(division, terms, existing) else too_large).append(division)
        costed = await asyncio.gather(*(self._priced(division, price) for division in divided))
        return costed, too_large

    async def _priced(self, division: Division, price: Fraction | None) -> Costed:
        lamports = fee_of(division, await self.chain.state.cu_price(written(division)))
        return Costed(division=division, lamports=lamports, fee=in_token_out(lamports, price))

    async def _pools(self, pair: Pair) -> list[Pool]:
        """Return the pools of all sources that can be read. Raises as the first, if none can."""
        asked = (source(pair.token_in, pair.token_out) for source in self._sources)
        read = await asyncio.gather(*asked, return_exceptions=True)
        found = [pools for pools in read if isinstance(pools, Pools)]
        if not found:
            raise next(error for error in read if isinstance(error, BaseException))
        return [pool for pools in found for pool in pools.found]


def _mint(token: Token) -> Mint:
    return Mint(Pubkey.from_string(token.mint))


def _leg(part: Part, pair: Pair) -> Leg:
    return Leg(
        venue=part.pool.venue,
        pool=str(part.pool.address),
        amount_in=from_atoms(part.amount_in, pair.token_in.decimals),
        amount_out=from_atoms(part.offer.amount_out, pair.token_out.decimals),
    )


def _single(costed: Costed, token_out: Token) -> Single:
    [part] = costed.division
    return Single(
        venue=part.pool.venue,
        pool=str(part.pool.address),
        amount_out=from_atoms(part.offer.amount_out, token_out.decimals),
        network_fee=from_atoms(costed.fee, token_out.decimals),
    )


def _undivided(single: Costed | None) -> str:
    if single is None:
        return "no pools of this pair take the amount"
    return f"one pool of {single.division[0].pool.venue} pays best for every part of the amount"
