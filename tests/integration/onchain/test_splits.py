"""A large order is split over two pools where that pays: in one transaction, to the atom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from math import isqrt
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from cli.audit.funds import audit
from cli.audit.reading import _told, read_chain, read_holdings
from shared.clock import utc_now
from shared.orders.events import OrderRouted
from shared.orders.states import State
from shared.orders.values import FailureReason, Quote, Route, SignedTransaction, SwapIntent
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.tokens.registry import Token
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.opening import SPLIT, opened_chain
from shared.venues.onchain.pool_venue import PoolVenue
from shared.venues.onchain.pools import Pool, Pools, PoolSource
from shared.venues.protocol import Failed, Landed, RouteGone, Venue, VenueRejected
from shared.venues.split.divide import divisions
from tests.integration.onchain.conftest import Desk, a_chain
from tests.support.builders import an_intent, routed, submitted
from tests.support.hot import cool, make_hot
from tests.support.onchain import (
    FINAL,
    SOL,
    Devchain,
    a_wallet,
    making_blocks,
    on,
    routing,
    the_order,
    trading,
    venues_on,
)
from tests.support.replicas import a_router, events_of, placed, running

ON_SPLIT = {"venues": f"raydium,{SPLIT}", "split_gain_bps": 0}
LARGE = "10000"
ROUNDS = 12


@pytest.fixture(scope="module")
def the_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devchain]:
    """Return a chain of this module's own: prices move further here than others expect."""
    yield from a_chain(tmp_path_factory)


@pytest.fixture
def trader(chain: Devchain, settings: VenueSettings, tmp_path: Path) -> Desk:
    """Return the desk of somebody else, who trades too."""
    wallets, wallet = a_wallet(tmp_path, "trader")
    chain.give(wallet, sol=200_000, tokens={"USDC": 20_000_000 * 10**6})
    chain.step()
    return Desk(chain, wallet, wallets, on(chain, settings, wallets))


@pytest_asyncio.fixture
async def rich(desk: Desk, trader: Desk) -> Desk:
    """Return a desk with money for large orders, where both pools of SOL and USDC agree."""
    desk.chain.give(desk.wallet, sol=200_000, tokens={"USDC": 20_000_000 * 10**6})
    cool(desk.chain)
    await _bring_together(trader)
    return replace(desk, settings=desk.settings.model_copy(update=ON_SPLIT))


class OnlyOne:
    """Of the pools of another source the deepest, the second and so on; a market of one pool."""

    def __init__(self, source: PoolSource, place: int) -> None:
        self._source = source
        self._place = place

    async def __call__(self, token_in: Token, token_out: Token) -> Pools:
        found = (await self._source(token_in, token_out)).found
        return Pools(found=[sorted(found, key=lambda pool: -pool.depth)[self._place]])


@asynccontextmanager
async def one_pool_each(settings: VenueSettings) -> AsyncIterator[tuple[SolanaChain, list[Venue]]]:
    """Open two venues, `deep` and `shallow`, of one pool each."""
    async with opened_chain(settings, signs=True) as opened:
        assert opened
        raydium = opened.sources["raydium"]
        sources = {name: OnlyOne(raydium, at) for at, name in enumerate(("deep", "shallow"))}
        chain = replace(opened, sources=sources)
        yield chain, [PoolVenue(name, chain) for name in sources]


async def _signed(
    venue: Venue, intent: SwapIntent, quote: Quote, least: Decimal
) -> SignedTransaction:
    return await venue.build(routed(Route(quote=quote, min_out=least), intent=intent))


async def _swap(venue: Venue, desk: Desk, intent: SwapIntent) -> None:
    quote = await venue.quote(intent)
    await venue.send(await _signed(venue, intent, quote, quote.amount_out))
    desk.chain.step()


async def _trade_in_the_shallow_pool(desk: Desk, intent: SwapIntent) -> None:
    async with one_pool_each(desk.settings) as (_, [_, shallow]):
        await _swap(shallow, desk, intent)


async def _bring_together(desk: Desk) -> None:
    """Trade in the shallow pool until its price is the deep one's, more or less."""
    async with one_pool_each(desk.settings) as (chain, _):
        sol, usdc = _pair(chain)
        for pair in ((sol, usdc), (usdc, sol)):
            deep, shallow = [(await at(*pair)).found[0] for at in chain.sources.values()]
            # A constant product whose reserve is the square root of k / price has that price.
            x = shallow.depth
            atoms = isqrt(int(x * x * shallow.price / deep.price)) - x
            if atoms > x // 10_000:
                await _trade_in_the_shallow_pool(desk, _giving(*pair, atoms))


def _giving(token_in: Token, token_out: Token, atoms: int) -> SwapIntent:
    return SwapIntent(
        token_in=token_in.symbol,
        token_out=token_out.symbol,
        amount_in=Decimal(atoms).scaleb(-token_in.decimals),
        max_slippage_bps=0,
    )


def _random_intent(random: Random) -> SwapIntent:
    large = Decimal(random.randint(2_000 * 10**9, 15_000 * 10**9)).scaleb(-9)
    if random.random() < 0.5:
        return an_intent(str(large))
    dollars = (large * 100).quantize(Decimal("1e-6"))
    return SwapIntent(token_in="USDC", token_out="SOL", amount_in=dollars, max_slippage_bps=0)


async def test_what_was_quoted_comes_to_the_atom_split_upon_split(rich: Desk) -> None:
    random, quoted, realised = Random(11), list[Decimal](), list[Decimal]()
    async with venues_on(rich.settings) as venues:
        split, alone = venues[SPLIT], venues["raydium"]
        for _ in range(ROUNDS):
            intent = _random_intent(random)
            quote, single = await split.quote(intent), await alone.quote(intent)
            signed = await _signed(split, intent, quote, quote.amount_out)
            await split.send(signed)
            rich.chain.step()
            [answer] = await split.status([signed.signature])

            assert isinstance(answer, Landed)
            assert answer.receipt.amount_in == intent.amount_in
            assert quote.net_out > single.net_out
            assert quote.best_single
            assert quote.best_single.amount_out == single.amount_out
            assert quote.best_single.network_fee == single.network_fee
            assert sum(leg.amount_in for leg in quote.legs) == intent.amount_in
            assert sum(leg.amount_out for leg in quote.legs) == quote.amount_out
            quoted.append(quote.amount_out)
            realised.append(answer.receipt.amount_out)

    assert realised == quoted


async def test_an_order_over_two_pools_is_one_swap_and_every_atom_is_accounted_for(
    rich: Desk, log: Log
) -> None:
    intent = an_intent(LARGE, slippage_bps=50)
    order = await placed(log, submitted(intent=intent, at=utc_now()))

    async def has_ended() -> bool:
        return (await the_order(log, order.order_id)).ended

    async with trading(log, rich.settings):
        await making_blocks(rich.chain, has_ended)
    events = await events_of(log, order.order_id)
    async with opened_chain(rich.settings) as chain:
        assert chain
        wallets = list(chain.wallets.all.values())
        happened = await read_chain(chain, wallets)
        holdings = await read_holdings(chain, wallets)
    checks = audit([_told(order.order_id, events)], happened, holdings)
    ended, [chosen] = await the_order(log, order.order_id), _routes(events)

    assert ended.state is State.CONFIRMED
    assert rich.chain.landed(rich.wallet)[order.order_id] == 1
    assert (chosen.route.venue, len(chosen.route.quote.legs)) == (SPLIT, 2)
    assert ended.receipt
    assert ended.receipt.amount_out == chosen.route.quote.amount_out
    assert [check.claim for check in checks if not check.holds] == []


def _routes(events: object) -> list[OrderRouted]:
    assert isinstance(events, list)
    return [event for event in events if isinstance(event, OrderRouted)]


async def test_a_small_order_is_not_split(rich: Desk, log: Log) -> None:
    order = await placed(log, submitted(intent=an_intent("2"), at=utc_now()))

    async def is_routed() -> bool:
        return (await the_order(log, order.order_id)).state is State.ROUTED

    async with routing(log, rich.settings):
        await making_blocks(rich.chain, is_routed)
    [chosen] = _routes(await events_of(log, order.order_id))

    assert chosen.route.venue == "raydium"
    assert [refusal.venue for refusal in chosen.refusals] == [SPLIT]


async def test_a_split_that_gains_less_than_its_second_pool_costs_is_not_offered(
    rich: Desk,
) -> None:
    settings = rich.settings.model_copy(update={"priority_percentile": 100})
    async with one_pool_each(settings) as (chain, _):
        pools = [(await source(*_pair(chain))).found[0] for source in chain.sources.values()]
        # A fee of 0.2 SOL for two swaps; the shallow pool's accounts are dear, the other's not.
        make_hot(rich.chain, pools[1].address, price=1_000_000_000)
    settings = settings.model_copy(update={"max_cu_price": 1_000_000_000})
    async with venues_on(settings) as venues:
        with pytest.raises(VenueRejected, match="one pool of raydium pays best: 2 pools would pay"):
            await venues[SPLIT].quote(_just_enough(pools))
        large = await venues[SPLIT].quote(an_intent(LARGE))

    assert large.best_single
    assert large.network_fee > 20
    assert large.best_single.network_fee < 1


def _just_enough(pools: Sequence[Pool]) -> SwapIntent:
    """Return the least that two pools share, more or less."""
    return next(
        an_intent(str(sol))
        for sol in range(1_000, 10_000, 50)
        if any(len(division) > 1 for division in divisions(pools, sol * SOL, 2))
    )


async def test_a_split_that_gains_next_to_nothing_is_offered_only_to_those_who_say_so(
    rich: Desk,
) -> None:
    async with one_pool_each(rich.settings) as (chain, _):
        pools = [(await source(*_pair(chain))).found[0] for source in chain.sources.values()]
    cautious = rich.settings.model_copy(update={"split_gain_bps": 1})
    async with venues_on(rich.settings) as venues:
        offered = await venues[SPLIT].quote(_just_enough(pools))
    async with venues_on(cautious) as venues:
        with pytest.raises(VenueRejected, match="they have to gain 1 bps"):
            await venues[SPLIT].quote(_just_enough(pools))
        await venues[SPLIT].quote(an_intent(LARGE))

    assert len(offered.legs) == 2


def _pair(chain: SolanaChain) -> tuple[Token, Token]:
    return chain.tokens.by_name["SOL"], chain.tokens.by_name["USDC"]


async def test_a_venue_that_pays_more_loses_where_its_pool_is_dearer_to_write(
    rich: Desk, log: Log
) -> None:
    settings = rich.settings.model_copy(
        update={"priority_percentile": 100, "max_cu_price": 1_000_000_000}
    )
    order = await placed(log, submitted(intent=an_intent("1"), at=utc_now()))

    async def is_routed() -> bool:
        return (await the_order(log, order.order_id)).state is State.ROUTED

    async with one_pool_each(settings) as (chain, venues):
        deep = (await chain.sources["deep"](*_pair(chain))).found[0]
        make_hot(rich.chain, deep.address, price=1_000_000_000)
        async with running(log, "router", a_router(log, settings, venues), settings):
            await making_blocks(rich.chain, is_routed)
    [chosen] = _routes(await events_of(log, order.order_id))
    quotes = {quote.venue: quote for quote in chosen.quotes}

    assert quotes["deep"].amount_out > quotes["shallow"].amount_out
    assert quotes["deep"].net_out < quotes["shallow"].net_out
    assert chosen.route.venue == "shallow"


async def test_a_split_is_divided_anew_when_it_is_signed(rich: Desk, trader: Desk) -> None:
    intent = an_intent(LARGE)
    async with venues_on(rich.settings) as venues:
        quote = await venues[SPLIT].quote(intent)
        await _trade_in_the_shallow_pool(trader, an_intent("500"))
        signed = await _signed(venues[SPLIT], intent, quote, quote.amount_out * Decimal("0.99"))
        later = await venues[SPLIT].quote(intent)
        await venues[SPLIT].send(signed)
        rich.chain.step()
        [answer] = await venues[SPLIT].status([signed.signature])

    assert isinstance(answer, Landed)
    assert answer.receipt.amount_out == later.amount_out < quote.amount_out
    assert later.legs != quote.legs


async def test_a_split_that_pays_too_little_when_it_is_signed_is_routed_anew(
    rich: Desk, trader: Desk
) -> None:
    intent = an_intent(LARGE)
    async with venues_on(rich.settings) as venues:
        quote = await venues[SPLIT].quote(intent)
        await _trade_in_the_shallow_pool(trader, an_intent("500"))

        with pytest.raises(RouteGone, match="atoms now"):
            await _signed(venues[SPLIT], intent, quote, quote.amount_out)


@pytest.mark.parametrize("name", ["raydium", SPLIT])
async def test_a_price_that_moves_between_reading_and_simulating_has_the_order_routed_anew(
    rich: Desk, trader: Desk, name: str
) -> None:
    settings = rich.settings.model_copy(update={"quote_tick_ms": 60_000})
    intent = an_intent(LARGE)
    async with venues_on(settings) as venues, venues_on(trader.settings) as theirs:
        quote = await venues[name].quote(intent)
        await _swap(theirs["raydium"], trader, an_intent("500"))

        with pytest.raises(RouteGone, match="pays less now than was asked for"):
            await _signed(venues[name], intent, quote, quote.amount_out)


async def test_one_part_that_would_pay_too_little_fails_the_whole_swap(
    rich: Desk, trader: Desk
) -> None:
    intent = an_intent(LARGE)
    async with venues_on(rich.settings) as venues:
        quote = await venues[SPLIT].quote(intent)
        signed = await _signed(venues[SPLIT], intent, quote, quote.amount_out)
        await _trade_in_the_shallow_pool(trader, an_intent("500"))
        before = rich.chain.balance(rich.wallet)
        await venues[SPLIT].send(signed)
        rich.chain.step(FINAL)
        [answer] = await venues[SPLIT].status([signed.signature])

    assert isinstance(answer, Failed)
    assert answer.reason is FailureReason.SLIPPAGE_EXCEEDED
    assert 0 < before - rich.chain.balance(rich.wallet) < 10**6  # Its fee alone.


async def test_nothing_is_split_where_that_is_switched_off_but_what_was_routed_is_signed(
    rich: Desk,
) -> None:
    intent = an_intent(LARGE)
    async with venues_on(rich.settings) as venues:
        quote = await venues[SPLIT].quote(intent)
    async with venues_on(rich.settings.model_copy(update={"split_pools": 1})) as venues:
        with pytest.raises(VenueRejected, match="SPLIT_POOLS is 1"):
            await venues[SPLIT].quote(intent)
        signed = await _signed(venues[SPLIT], intent, quote, quote.amount_out * Decimal("0.98"))
        await venues[SPLIT].send(signed)
        rich.chain.step()
        [answer] = await venues[SPLIT].status([signed.signature])

    assert isinstance(answer, Landed)
    assert quote.best_single
    assert answer.receipt.amount_out == quote.best_single.amount_out
