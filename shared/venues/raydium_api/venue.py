"""The venue `raydium_api`: Raydium's own routing, for swaps in one pool of its CPMM program."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import Raw
from msgspec.json import Decoder
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.settings import MarketSettings
from shared.solana.addresses import TOKEN
from shared.solana.fees import network_fee
from shared.solana.terms import Terms
from shared.streams.redis.client import Client
from shared.streams.redis.pace import Pace, Rate
from shared.tokens.amounts import to_atoms_at_least
from shared.venues.http.service import BUILD_S, Service
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.offers import Offer, Pair, pair_of
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import (
    BuildFailed,
    FirewallRefused,
    InsufficientFunds,
    RouteGone,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)
from shared.venues.raydium.accounts import BadAccount, read_pool
from shared.venues.raydium.instruction import SwapReader
from shared.venues.raydium.program import CPMM, SLIPPAGE_EXCEEDED
from shared.venues.raydium.quote import UNSUPPORTED_TOKEN
from shared.venues.raydium_api.replies import Computed, Question, built, computed, slippage_bps
from shared.venues.raydium_api.taking_apart import kept

_UNITS: Final = 120_000  # Compute units of a swap with its wrapping, more or less.
_QUOTE_PART: Final = 0.9  # Of the quote's deadline: the rest is ours.
_BUILD_S: Final = 2.0  # For each question of a build.
_TRIES: Final = 2  # Prices that a build asks for.
_raw = Decoder(Raw)


class RaydiumApiVenue(OnChainVenue):
    """Asks Raydium's API for prices and transactions, and signs none but its own."""

    def __init__(self, name: str, chain: SolanaChain, service: Service, quote_s: float) -> None:
        """`quote_s` is how long a quote may take; what SOL is worth is read from the pools."""
        super().__init__(name, chain)
        self.service = service
        self._quote_s = quote_s

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the API says that Raydium pays now."""
        pair = pair_of(intent, self.chain.tokens)
        asked = _question(pair, intent.max_slippage_bps)
        _, told = await self._computed(asked, self._quote_s, urgent=False)
        await self._check_pool(told.pool, pair)
        offer = Offer(
            amount_out=told.amount_out,
            fee_bps=told.fee_bps,
            price_impact_bps=told.price_impact_bps,
        )
        price = await self.chain.state.cu_price((told.pool,))
        return await self.offered(pair, offer, network_fee(1, _UNITS, price).total)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign the swap of the API's transaction, in one of our own.

        Raises `BuildFailed` where the API does not stand to its quote.
        """
        swapping = await self.chain.signing.swap(routed)
        pair = pair_of(routed.intent, self.chain.tokens)
        try:
            async with asyncio.timeout(BUILD_S):
                raw, pool = await self._priced(pair, swapping.terms, routed)
                payload = await self._transaction(raw, pool, swapping.terms)
                parts = kept(payload, swapping.terms, self.chain.signing.max_cu_price)
                return await self.chain.signing.sign(swapping, _plan(parts, swapping.terms))
        except TimeoutError:
            raise BuildFailed(f"nothing was built within {BUILD_S:g} s") from None
        except (FirewallRefused, InsufficientFunds):
            raise
        except (VenueRejected, VenueUnavailable, VenueUnreachable) as error:
            raise BuildFailed(str(error)) from error

    async def _priced(self, pair: Pair, terms: Terms, routed: OrderRouted) -> tuple[Raw, Pubkey]:
        """Return an answer that promises what the route does, and its pool."""
        quoted = routed.route.quote.amount_out
        expected = to_atoms_at_least("quote", quoted, pair.token_out.decimals)
        for _ in range(_TRIES):
            asked = _question(pair, slippage_bps(expected, terms.min_out))
            raw, told = await self._computed(asked, _BUILD_S, urgent=True)
            if told.least_out >= terms.min_out:
                await self._check_pool(told.pool, pair)
                return raw, told.pool
            expected = told.amount_out
            if expected < terms.min_out:
                break
        raise RouteGone(f"pays {expected} atoms now, {terms.min_out} are asked")

    async def _computed(
        self, asked: Question, within_s: float, *, urgent: bool
    ) -> tuple[Raw, Computed]:
        """Return an answer as it came, which a build has to hand back whole, and its meaning."""
        raw = await self.service.get(
            "/compute/swap-base-in", asked.params, _raw, within_s=within_s, urgent=urgent
        )
        return raw, computed(bytes(raw), asked)

    async def _check_pool(self, address: Pubkey, pair: Pair) -> None:
        """Raise `VenueRejected` unless the pool is one that we can judge a swap in."""
        [account] = (await self.chain.state.accounts((address,))).accounts
        if account is None or account.owner != CPMM:
            raise VenueRejected(f"routes through {address}, which is no pool of the CPMM program")
        try:
            pool = read_pool(address, account)
        except BadAccount as error:
            raise VenueRejected(str(error)) from None
        if sorted(map(str, pool.mints)) != sorted((pair.token_in.mint, pair.token_out.mint)):
            raise VenueUnavailable(f"routes through {address}, a pool of another pair")
        if {*pool.programs} != {TOKEN}:
            raise VenueRejected(f"{UNSUPPORTED_TOKEN}: a mint of {address} is not SPL's")

    async def _transaction(self, raw: Raw, pool: Pubkey, terms: Terms) -> bytes:
        body = {
            "computeUnitPriceMicroLamports": str(await self.chain.state.cu_price((pool,))),
            "swapResponse": raw,
            "txVersion": "LEGACY",
            "wallet": str(terms.wallet),
            # We wrap and unwrap around the swap: the accounts are ours to name.
            "wrapSol": False,
            "unwrapSol": False,
            "inputAccount": str(terms.pays),
            "outputAccount": str(terms.receives),
        }
        answer = await self.service.post(
            "/transaction/swap-base-in", body, _raw, within_s=_BUILD_S, urgent=True
        )
        return built(bytes(answer))


def opened(
    name: str, settings: MarketSettings, client: Client, chain: SolanaChain
) -> RaydiumApiVenue:
    """Return the venue; nothing is asked yet."""
    pace = Pace(client, settings.namespace, name, Rate.parse(settings.raydium_api_rate))
    service = Service(name, settings.raydium_api_at, chain.web, pace)
    return RaydiumApiVenue(name, chain, service, _QUOTE_PART * settings.quote_deadline_ms / 1_000)


def _question(pair: Pair, slippage: int) -> Question:
    return Question(
        mint_in=pair.token_in.mint,
        mint_out=pair.token_out.mint,
        amount_in=pair.amount_in,
        slippage_bps=slippage,
    )


def _plan(instructions: list[Instruction], terms: Terms) -> Plan:
    ours = (terms.wallet, terms.pays, terms.receives)
    others = {
        meta.pubkey: meta.is_writable
        for one in instructions
        for meta in one.accounts
        if meta.pubkey not in ours
    }
    return Plan(
        instructions=instructions,
        venue=SwapReader(),
        written=tuple(key for key, is_written in others.items() if is_written),
        shape=tuple(others),
        opaque=True,
        slippage={SLIPPAGE_EXCEEDED},
    )
