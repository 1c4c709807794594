"""The venue `raydium`: every pool of a pair, quoted to the atom, and swapped in by us."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.solana.addresses import TOKEN, WRAPPED_SOL
from shared.solana.fees import network_fee
from shared.solana.token_accounts import balance_of
from shared.venues.onchain.chain import OnChainVenue
from shared.venues.onchain.offers import Offer, Pair, pair_of
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import RouteGone, VenueRejected
from shared.venues.raydium.accounts import read_config, read_pool
from shared.venues.raydium.curve import NoSwap, Standing, Swapped, fee_bps, price_impact_bps, swap
from shared.venues.raydium.instruction import SwapReader, swap_base_input
from shared.venues.raydium.program import PoolAddresses, pools_of

_UNITS: Final = 120_000  # Compute units of a swap with its wrapping, more or less.
_EACH: Final = 4  # Accounts that a pool is read by.


class _Found(Struct, frozen=True, kw_only=True):
    """A pool that there is, and which of its tokens comes in."""

    address: Pubkey
    standing: Standing
    side: int


class _Best(Struct, frozen=True, kw_only=True):
    """The pool that pays most, and the swap in it."""

    found: _Found
    swapped: Swapped


class RaydiumVenue(OnChainVenue):
    """Trades in the constant-product pools of Raydium, the best one of a pair."""

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

    async def _best(self, pair: Pair) -> _Best:
        mints = Pubkey.from_string(pair.token_in.mint), Pubkey.from_string(pair.token_out.mint)
        now = int(self.chain.now().timestamp())
        refusals, offers = list[str](), list[_Best]()
        for found in await self._pools(*mints):
            try:
                swapped = swap(found.standing, found.side, pair.amount_in, now)
            except NoSwap as error:
                refusals.append(str(error))
            else:
                offers.append(_Best(found=found, swapped=swapped))
        if not offers:
            raise VenueRejected(refusals[0] if refusals else "has no pool of this pair")
        return max(offers, key=lambda best: (best.swapped.amount_out, bytes(best.found.address)))

    async def _pools(self, mint_in: Pubkey, mint_out: Pubkey) -> list[_Found]:
        """Return the pools of a pair as they are, read together. Raises `VenueRejected`."""
        candidates = pools_of(mint_in, mint_out)
        accounts = (await self.chain.state.accounts(_keys(candidates))).accounts
        found = []
        for number, addresses in enumerate(candidates):
            read = accounts[_EACH * number : _EACH * (number + 1)]
            if standing := _standing(read):
                side = standing.pool.mints.index(mint_in)
                found.append(_Found(address=addresses.pool, standing=standing, side=side))
        if found and all(set(one.standing.pool.programs) != {TOKEN} for one in found):
            raise VenueRejected("UNSUPPORTED_TOKEN: mints of Token-2022 are not traded here yet")
        return [one for one in found if set(one.standing.pool.programs) == {TOKEN}]

    async def _sol_price(self, pair: Pair) -> Fraction:
        """Return atoms of the token out a lamport, by its deepest pool; 0 where it has none."""
        out = Pubkey.from_string(pair.token_out.mint)
        if out == WRAPPED_SOL:
            return Fraction(1)
        pools = [(one.standing, one.side) for one in await self._pools(WRAPPED_SOL, out)]
        sound = [(at.reserve(side), at.reserve(1 - side)) for at, side in pools]
        sol, other = max(((x, y) for x, y in sound if x > 0 and y > 0), default=(1, 0))
        return Fraction(other, sol)


def _keys(candidates: tuple[PoolAddresses, ...]) -> tuple[Pubkey, ...]:
    return tuple(key for addresses in candidates for key in addresses)


def _standing(read: tuple[Account | None, ...]) -> Standing | None:
    config, pool, vault_0, vault_1 = read
    if config is None or pool is None or vault_0 is None or vault_1 is None:
        return None
    return Standing(
        pool=read_pool(pool),
        config=read_config(config),
        vaults=(balance_of(vault_0.data), balance_of(vault_1.data)),
    )


def _written(found: _Found) -> tuple[Pubkey, ...]:
    return (found.address, *found.standing.pool.vaults)
