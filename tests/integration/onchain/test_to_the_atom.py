"""Realised is quoted, to the atom, when nobody trades between; and never less than the least."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from random import Random

import pytest

from devchain.genesis.plan import Market, read_market
from shared.clock import utc_now
from shared.orders.events import OrderFailed, RouteExpired
from shared.orders.states import State
from shared.orders.values import FailureReason, Quote, Route, SwapIntent
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.venues.protocol import Landed, Venue
from tests.integration.onchain.conftest import Desk
from tests.support.builders import an_intent, routed, submitted
from tests.support.eventually import eventually
from tests.support.nodes import between
from tests.support.onchain import (
    FINAL,
    Devchain,
    executing,
    making_blocks,
    on,
    routing,
    the_order,
    trading,
    venues_on,
)
from tests.support.replicas import events_of, placed

# Rounds of swaps in every pair, and how many swaps that is at least.
SWAPS = {"raydium": (10, 200), "meteora": (4, 36)}
# SOL that moves the price by more than a bin.
MUCH = "5000"
_MOST_TRADES = 4  # More than there are pools.


def _sides(market: Market, venue: str) -> list[tuple[str, str]]:
    """Return each pair that has a pool, once."""
    pools = market.pools if venue == "raydium" else market.dlmm
    return sorted({(pool.pair[0], pool.pair[1]) for pool in pools})


def _intent(market: Market, random: Random, pair: tuple[str, str]) -> SwapIntent:
    one, other = random.sample(pair, 2)
    token = market.by_symbol[one]
    # From a dollar to some thousands, with an odd last atom.
    amount = token.atoms(random.randint(1, 10)) * 10 ** random.randint(0, 2)
    amount += random.randint(0, amount // 10)
    return SwapIntent(
        token_in=one,
        token_out=other,
        amount_in=Decimal(amount).scaleb(-token.decimals),
        max_slippage_bps=0,
    )


async def _swap(
    venue: Venue, chain: Devchain, intents: Sequence[SwapIntent]
) -> list[tuple[Quote, Landed]]:
    """Return the quote of each intent, and what became of it, with the quote as the least."""
    quotes = await asyncio.gather(*map(venue.quote, intents))
    signed = await asyncio.gather(
        *(
            venue.build(routed(Route(quote=quote, min_out=quote.amount_out), intent=intent))
            for quote, intent in zip(quotes, intents, strict=True)
        )
    )
    await asyncio.gather(*map(venue.send, signed))
    chain.step()
    landed = []
    for quote, answer in zip(
        quotes, await venue.status([one.signature for one in signed]), strict=True
    ):
        assert isinstance(answer, Landed)
        landed.append((quote, answer))
    return landed


@pytest.mark.parametrize("name", SWAPS)
async def test_what_was_quoted_comes_to_the_atom_swap_upon_swap(desk: Desk, name: str) -> None:
    rounds, least = SWAPS[name]
    market, random = read_market(), Random(7)
    everything = {
        token.symbol: token.atoms(1_000_000) for token in market.tokens if token.symbol != "SOL"
    }
    desk.chain.give(desk.wallet, sol=100_000, tokens=everything)
    desk.chain.step()
    promised, realised = list[tuple[Decimal, Decimal]](), list[tuple[Decimal, Decimal]]()
    async with venues_on(desk.settings.model_copy(update={"venues": name})) as venues:
        for _ in range(rounds):
            intents = [_intent(market, random, pair) for pair in _sides(market, name)]
            swapped = await _swap(venues[name], desk.chain, intents)
            promised += [
                (i.amount_in, q.amount_out) for i, (q, _) in zip(intents, swapped, strict=True)
            ]
            realised += [(a.receipt.amount_in, a.receipt.amount_out) for _, a in swapped]

    assert realised == promised
    assert len(realised) >= least


async def _trade_before(desk: Desk, settings: VenueSettings, name: str) -> None:
    """Let somebody else sell SOL until the pool that pays most pays less for it."""
    async with venues_on(settings) as venues:
        before = (await venues[name].quote(an_intent())).amount_out
        for _ in range(_MOST_TRADES):
            [_] = await _swap(venues[name], desk.chain, [an_intent(MUCH)])
            if (await venues[name].quote(an_intent())).amount_out < before:
                return
    raise AssertionError(f"{_MOST_TRADES} trades of {MUCH} SOL moved no price")


@pytest.mark.parametrize(("name", "code"), [("raydium", "6005"), ("meteora", "6003")])
async def test_a_price_that_moved_fails_on_chain_and_ends_the_order_once_that_is_final(
    desk: Desk, log: Log, name: str, code: str
) -> None:
    chain = desk.chain
    chain.give(desk.wallet, sol=30_000)
    chain.step()
    async with between(chain.urls[0]) as way:
        settings = on(chain, desk.settings, desk.wallets, venues=name, rpc_urls=way.url)
        other = desk.settings.model_copy(update={"rpc_urls": chain.urls[1]})
        async with trading(log, settings):
            # After the last trade, so that it is not final when as many blocks have followed.
            chain.faults(0, methods=["sendTransaction"], landsLate=1, lateBlocks=_MOST_TRADES + 1)
            intent = an_intent(slippage_bps=0)
            order = await placed(log, submitted(intent=intent, at=utc_now()))

            async def is_sent() -> bool:
                return (await the_order(log, order.order_id)).state is State.SENT

            await eventually(is_sent)
            await _trade_before(desk, other, name)
            chain.step(FINAL)
            asked = way.counts["getSignatureStatuses"]
            await eventually(lambda: way.counts["getSignatureStatuses"] > asked + 2)
            early = await the_order(log, order.order_id)

            async def has_ended() -> bool:
                return (await the_order(log, order.order_id)).ended

            await making_blocks(chain, has_ended)
            end = (await events_of(log, order.order_id))[-1]

    assert early.state is State.SENT
    assert isinstance(end, OrderFailed)
    assert end.reason is FailureReason.SLIPPAGE_EXCEEDED
    assert code in end.detail
    assert chain.landed(desk.wallet)[order.order_id] == 0


@pytest.mark.parametrize("name", SWAPS)
async def test_a_price_that_moved_before_signing_has_the_order_routed_anew(
    desk: Desk, log: Log, name: str
) -> None:
    settings = desk.settings.model_copy(update={"venues": name})
    desk.chain.give(desk.wallet, sol=30_000)
    desk.chain.step()
    order = await placed(log, submitted(intent=an_intent(slippage_bps=0), at=utc_now()))

    async def is_routed() -> bool:
        return (await the_order(log, order.order_id)).state is State.ROUTED

    async def has_ended() -> bool:
        return (await the_order(log, order.order_id)).ended

    async with routing(log, settings):
        await eventually(is_routed)
        await _trade_before(desk, settings, name)
        async with executing(log, settings):
            await making_blocks(desk.chain, has_ended)

    events = await events_of(log, order.order_id)
    assert (await the_order(log, order.order_id)).state is State.CONFIRMED
    assert sum(isinstance(event, RouteExpired) for event in events) == 1
    assert desk.chain.landed(desk.wallet)[order.order_id] == 1


async def test_an_order_that_takes_any_price_is_swapped(desk: Desk) -> None:
    async with venues_on(desk.settings) as venues:
        for venue in venues.values():
            quote = await venue.quote(an_intent())
            transaction = await venue.build(routed(Route(quote=quote, min_out=Decimal(0))))
            await venue.send(transaction)
            desk.chain.step()
            [answer] = await venue.status([transaction.signature])

            assert isinstance(answer, Landed)
