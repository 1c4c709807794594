"""Fees are told in the token out, by one pool or by two, or else it is said that they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from shared.clock import utc_now
from shared.orders.codec import builtins
from shared.tokens.registry import load_tokens
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.offers import Offer, Pair
from shared.venues.onchain.reference import Reference
from shared.venues.protocol import VenueRejected
from shared.venues.raydium.pool import CpmmPool
from tests.support.pools import Market, a_pool

TOKENS = load_tokens("")
SOL, USDC, BONK, JTO = (TOKENS.by_name[name] for name in ("SOL", "USDC", "BONK", "JTO"))

Pools = Mapping[tuple[str, str], Sequence[CpmmPool]]


def reference(*markets: Pools) -> Reference:
    return Reference([Market(pools) for pools in markets], TOKENS)


async def test_the_deepest_pool_of_any_venue_prices_a_lamport() -> None:
    price = reference(
        {("SOL", "USDC"): [a_pool(10**9, 10**9)]},
        {("SOL", "USDC"): [a_pool(10**12, 2 * 10**12), a_pool(10**13, 10**13, status=4)]},
    )

    assert await price(USDC, BONK) == 2


async def test_a_lamport_is_a_lamport() -> None:
    assert await reference()(SOL, USDC) == 1


async def test_a_token_without_a_pool_of_sol_is_priced_over_the_token_in() -> None:
    price = reference(
        {("SOL", "BONK"): [a_pool(10**9, 4 * 10**9)]},
        {("BONK", "JTO"): [a_pool(3 * 10**9, 10**9)]},
    )

    assert await price(JTO, BONK) == Fraction(4, 3)


async def test_or_else_over_usdc() -> None:
    price = reference(
        {("SOL", "USDC"): [a_pool(10**9, 10**9)], ("USDC", "JTO"): [a_pool(10**9, 5 * 10**9)]}
    )

    assert await price(JTO, BONK) == 5


async def test_without_pools_there_is_no_price() -> None:
    assert await reference({("SOL", "USDC"): [a_pool(10**9, 10**9)]})(JTO, BONK) is None
    assert await reference()(USDC, SOL) is None


def a_venue(pools: Pools) -> OnChainVenue:
    parts: dict[str, Any] = dict.fromkeys(
        ("nodes", "wallets", "state", "landing", "signing", "web")
    )
    chain = SolanaChain(
        **parts, tokens=TOKENS, sources={}, reference=reference(pools), ttl_ms=1_000, now=utc_now
    )
    return OnChainVenue("raydium", chain)


def an_offer(amount_out: int) -> Offer:
    return Offer(amount_out=amount_out, fee_bps=Decimal(25), price_impact_bps=Decimal(1))


JTO_FOR_BONK = Pair(token_in=JTO, token_out=BONK, amount_in=10**9)


async def test_a_quote_is_net_of_the_fee_in_the_token_out_rounded_up() -> None:
    venue = a_venue({("SOL", "BONK"): [a_pool(10**9, 3 * 10**9 + 1)]})
    quote = await venue.offered(JTO_FOR_BONK, an_offer(100_000), 5_000)

    assert quote.network_fee == Decimal("0.15001")
    assert quote.net_out == Decimal("0.84999")
    assert not quote.fee_unpriced


async def test_an_offer_that_its_own_fee_eats_is_refused() -> None:
    venue = a_venue({("SOL", "BONK"): [a_pool(10**9, 20 * 10**9)]})

    with pytest.raises(VenueRejected, match="too small to pay for its own fees"):
        await venue.offered(JTO_FOR_BONK, an_offer(100_000), 5_000)


async def test_a_fee_that_nothing_prices_is_said_to_be_unpriced_and_not_free() -> None:
    quote = await a_venue({}).offered(JTO_FOR_BONK, an_offer(100_000), 5_000)

    assert (quote.network_fee, quote.fee_unpriced) == (Decimal(0), True)
    assert builtins(quote)["feeUnpriced"] is True


async def test_a_priced_quote_says_no_more_than_it_always_did() -> None:
    venue = a_venue({("SOL", "BONK"): [a_pool(10**9, 10**9)]})
    quote = await venue.offered(JTO_FOR_BONK, an_offer(100_000), 5_000)

    assert set(builtins(quote)) == {
        *("venue", "amountOut", "networkFee", "feeBps", "priceImpactBps", "expiresAt")
    }
