"""Meteora's pools on a chain over RPC: through many bins, over two arrays, read together."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from decimal import Decimal

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from cli.audit.funds import audit
from cli.audit.reading import _told, read_chain, read_holdings
from shared.clock import utc_now
from shared.orders.events import OrderRouted
from shared.orders.states import State
from shared.orders.values import Quote, Route, SwapIntent
from shared.settings import InvalidSettings, MarketSettings
from shared.streams.log.log import Log
from shared.tokens.registry import load_tokens
from shared.venues.meteora.accounts import LbPair, read_pair
from shared.venues.meteora.bitmap import array_of
from shared.venues.meteora.program import DLMM
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.opening import SPLIT, open_split, opened_chain
from shared.venues.onchain.pools import Pool
from shared.venues.protocol import Landed, Venue, VenueRejected
from tests.integration.onchain.conftest import Desk
from tests.support.builders import an_intent, routed, submitted
from tests.support.nodes import between
from tests.support.onchain import Devchain, making_blocks, on, the_order, trading, venues_on
from tests.support.replicas import events_of, placed

METEORA = {"venues": "meteora"}
MILLION = 1_000_000


async def the_pool(desk: Desk) -> Pool:
    """Return the pool of SOL and USDC."""
    tokens = load_tokens("").by_name
    async with opened_chain(desk.settings) as chain:
        assert chain
        pools = await chain.sources["meteora"](tokens["SOL"], tokens["USDC"])
    [found] = pools.found
    return found


def as_it_is(chain: Devchain, pool: Pool) -> LbPair:
    shown = chain.ask("getAccountInfo", str(pool.address), {"commitment": "processed"})["value"]
    account = Account(shown["lamports"], b64decode(shown["data"][0]), DLMM)
    return read_pair(pool.address, account)


async def swapped(
    venue: Venue, chain: Devchain, amount: Decimal | str, token_in: str, token_out: str
) -> tuple[Quote, Landed]:
    """Swap with the quote as the least: return it, and what became of it."""
    intent = SwapIntent(
        token_in=token_in, token_out=token_out, amount_in=Decimal(amount), max_slippage_bps=0
    )
    quote = await venue.quote(intent)
    route = Route(quote=quote, min_out=quote.amount_out)
    signed = await venue.build(routed(route, intent=intent))
    await venue.send(signed)
    chain.step()
    [answer] = await venue.status([signed.signature])
    assert isinstance(answer, Landed)
    return quote, answer


async def test_swaps_of_sol_through_dozens_of_bins_and_two_arrays_get_what_was_quoted(
    desk: Desk,
) -> None:
    chain, pool = desk.chain, await the_pool(desk)
    chain.give(desk.wallet, sol=100_000)
    chain.step()
    here = as_it_is(chain, pool).active_id
    async with venues_on(desk.settings.model_copy(update=METEORA)) as venues:
        meteora = venues["meteora"]
        sold, got = await swapped(meteora, chain, "60000.000000001", "SOL", "USDC")
        there = as_it_is(chain, pool).active_id
        bought, back = await swapped(meteora, chain, got.receipt.amount_out, "USDC", "SOL")
    home = as_it_is(chain, pool).active_id

    assert got.receipt.amount_out == sold.amount_out
    assert back.receipt.amount_out == bought.amount_out < Decimal(60_000)
    assert here - there >= 24
    assert array_of(here) > array_of(there)
    assert abs(home - here) <= 2
    assert min(sold.fee_bps, bought.fee_bps) > 20  # Fees rise with the way that the price goes.
    assert sold.price_impact_bps > 100


async def test_all_that_ask_within_a_tick_share_one_request_for_the_accounts_of_a_pair(
    desk: Desk,
) -> None:
    chain = desk.chain
    async with between(chain.urls[0]) as way:
        settings = on(chain, desk.settings, desk.wallets, **METEORA, rpc_urls=way.url)
        async with venues_on(settings) as venues:
            await venues["meteora"].quote(an_intent())
            asked = way.counts["getMultipleAccounts"]
            await venues["meteora"].quote(an_intent("2"))
            one = way.counts["getMultipleAccounts"] - asked
        patient = settings.model_copy(update={"quote_tick_ms": 60_000})
        async with venues_on(patient) as venues:
            await venues["meteora"].quote(an_intent())
            asked = way.counts["getMultipleAccounts"]
            amounts = [an_intent(str(number)) for number in range(1, 21)]
            quotes = await asyncio.gather(*map(venues["meteora"].quote, amounts))
            none = way.counts["getMultipleAccounts"] - asked

    assert (one, none) == (1, 0)
    assert len({quote.amount_out for quote in quotes}) == 20


async def test_a_pool_that_settings_name_is_found_though_its_address_follows_from_nothing(
    desk: Desk,
) -> None:
    pool, others = await the_pool(desk), [str(Pubkey.new_unique()) for _ in range(99)]
    named = {**METEORA, "meteora_pools": ",".join([*others, str(pool.address)])}
    async with venues_on(desk.settings.model_copy(update=named)) as venues:
        quote = await venues["meteora"].quote(an_intent())

    assert quote.amount_out > 0


async def test_a_pool_that_is_no_address_is_told_before_any_node_is_asked(desk: Desk) -> None:
    named = desk.settings.model_copy(update={"meteora_pools": "z" * 44})

    with pytest.raises(InvalidSettings, match=r"^METEORA_POOLS: "):
        async with opened_chain(named):
            pass


async def divided(settings: MarketSettings, chain: SolanaChain) -> SwapIntent:
    """Return a swap that pays most over pools of both kinds, wherever their prices are now."""
    split, tried = open_split(settings, chain, ["raydium", "meteora"]), list[str]()
    for doublings in range(9):
        for token_in, token_out, least in (("USDC", "SOL", 40_000), ("SOL", "USDC", 300)):
            intent = SwapIntent(
                token_in=token_in,
                token_out=token_out,
                amount_in=Decimal(least * 2**doublings),
                max_slippage_bps=0,
            )
            try:
                quote = await split.quote(intent)
            except VenueRejected as error:
                tried.append(f"{intent.amount_in} {token_in}: {error}")
            else:
                if {leg.venue for leg in quote.legs} == {"raydium", "meteora"}:
                    return intent
    raise AssertionError(tried)


async def test_an_order_over_pools_of_both_kinds_lands_to_the_atom_and_the_audit_balances(
    desk: Desk, log: Log
) -> None:
    chain = desk.chain
    chain.give(desk.wallet, sol=200_000, tokens={"USDC": 20 * MILLION * MILLION})
    chain.step()
    told = {"venues": f"raydium,meteora,{SPLIT}", "split_pools": 2}
    settings = desk.settings.model_copy(update=told)
    async with opened_chain(settings) as opened:
        assert opened
        intent = await divided(settings, opened)
    order = await placed(log, submitted(intent=intent, at=utc_now()))

    async def has_ended() -> bool:
        return (await the_order(log, order.order_id)).ended

    async with trading(log, settings):
        await making_blocks(chain, has_ended)
    events = await events_of(log, order.order_id)
    async with opened_chain(settings) as opened:
        assert opened
        wallets = list(opened.wallets.all.values())
        happened = await read_chain(opened, wallets)
        holdings = await read_holdings(opened, wallets)
    checks = audit([_told(order.order_id, events)], happened, holdings)
    ended = await the_order(log, order.order_id)
    [route] = [event.route for event in events if isinstance(event, OrderRouted)]

    assert ended.state is State.CONFIRMED
    assert {leg.venue for leg in route.quote.legs} == {"raydium", "meteora"}
    assert ended.receipt
    assert ended.receipt.amount_out == route.quote.amount_out
    assert [check.claim for check in checks if not check.holds] == []
