"""Curves and bins share an order: a pool of each venue, in one transaction, to the atom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from shared.clock import utc_now
from shared.orders.events import OrderRouted, RouteExpired
from shared.orders.states import State
from shared.orders.values import Route, SwapIntent
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.venues.onchain.opening import SPLIT
from shared.venues.protocol import BuildFailed, Landed, Venue, VenueRejected
from tests.integration.onchain.conftest import Desk, a_chain
from tests.support.builders import routed, submitted
from tests.support.onchain import (
    Devchain,
    a_wallet,
    making_blocks,
    on,
    the_order,
    trading,
    venues_on,
)
from tests.support.replicas import events_of, placed

ALL = {"venues": f"raydium,meteora,{SPLIT}", "split_gain_bps": 0}
ROUNDS = 24
# The least and the most of each token, in whole ones, that move its pools.
SIDES = {
    ("ETH", "USDC"): (2, 400),
    ("USDC", "ETH"): (5_000, 1_000_000),
    ("BONK", "SOL"): (10**8, 5 * 10**9),
    ("SOL", "BONK"): (20, 1_000),
    ("WIF", "SOL"): (1_000, 500_000),
}


@pytest.fixture(scope="module")
def the_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devchain]:
    """Return a chain of this module's own: prices move further here than others expect."""
    yield from a_chain(tmp_path_factory)


@pytest.fixture
def everybodys(desk: Desk) -> Desk:
    """Return a desk with plenty of each token."""
    plenty = {"ETH": 10**13, "BONK": 10**17, "WIF": 10**14, "USDC": 10**14}
    desk.chain.give(desk.wallet, sol=200_000, tokens=plenty)
    desk.chain.step()
    return Desk(desk.chain, desk.wallet, desk.wallets, desk.settings.model_copy(update=ALL))


def an_amount(random: Random) -> SwapIntent:
    (token_in, token_out), (least, most) = random.choice(list(SIDES.items()))
    return SwapIntent(
        token_in=token_in,
        token_out=token_out,
        amount_in=Decimal(random.randint(least, most)),
        max_slippage_bps=0,
    )


async def landed(venue: Venue, chain: Devchain, intent: SwapIntent) -> tuple[str, ...]:
    """Return the venues of a split that paid what it had quoted, to the atom; none if refused."""
    try:
        quote = await venue.quote(intent)
    except VenueRejected:
        return ()
    route = Route(quote=quote, min_out=quote.amount_out)
    signed = await venue.build(routed(route, intent=intent))
    await venue.send(signed)
    chain.step()
    [answer] = await venue.status([signed.signature])

    assert isinstance(answer, Landed)
    assert answer.receipt.amount_in == intent.amount_in
    assert answer.receipt.amount_out == quote.amount_out
    return tuple(sorted(leg.venue for leg in quote.legs))


async def test_what_was_quoted_over_curves_and_bins_comes_to_the_atom(everybodys: Desk) -> None:
    random, seen = Random(5), Counter[tuple[str, ...]]()
    async with venues_on(everybodys.settings) as venues:
        for _ in range(ROUNDS):
            seen[await landed(venues[SPLIT], everybodys.chain, an_amount(random))] += 1

    assert seen["meteora", "raydium"] >= ROUNDS // 3


NEW_TOKEN = SwapIntent(
    token_in="SOL", token_out="BONK", amount_in=Decimal(6_000), max_slippage_bps=0
)


@pytest.fixture
def without_bonk(chain: Devchain, settings: VenueSettings, tmp_path: Path) -> Desk:
    """Return a desk whose wallet has never had BONK."""
    wallets, wallet = a_wallet(tmp_path, "new")
    chain.give(wallet, sol=10_000)
    chain.step()
    return Desk(chain, wallet, wallets, on(chain, settings, wallets, **ALL))


async def test_a_split_without_room_for_a_new_account_is_not_built(without_bonk: Desk) -> None:
    async with venues_on(without_bonk.settings) as venues:
        quote = await venues[SPLIT].quote(NEW_TOKEN)

        with pytest.raises(BuildFailed, match="does not fit"):
            await venues[SPLIT].build(
                routed(Route(quote=quote, min_out=quote.amount_out), intent=NEW_TOKEN)
            )


async def test_the_order_goes_to_another_venue_then(without_bonk: Desk, log: Log) -> None:
    order = await placed(log, submitted(intent=NEW_TOKEN, at=utc_now()))

    async def has_ended() -> bool:
        return (await the_order(log, order.order_id)).ended

    async with trading(log, without_bonk.settings):
        await making_blocks(without_bonk.chain, has_ended)
    events = await events_of(log, order.order_id)
    routes = [event.route.venue for event in events if isinstance(event, OrderRouted)]

    assert (await the_order(log, order.order_id)).state is State.CONFIRMED
    assert routes[0] == SPLIT
    assert routes[-1] in {"raydium", "meteora"}
    assert sum(isinstance(event, RouteExpired) for event in events) == len(routes) - 1
