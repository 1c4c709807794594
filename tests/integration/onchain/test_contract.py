"""What every venue promises the engine holds of those that trade on a chain, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal

import pytest
import pytest_asyncio

from shared.errors import ServerAway
from shared.orders.events import OrderRouted
from shared.orders.values import FailureReason, Quote, SignedTransaction, SwapIntent
from shared.streams.log.log import Log
from shared.venues.protocol import (
    Answer,
    Expired,
    Failed,
    Landed,
    Pending,
    RouteGone,
    Unknown,
    Venue,
    VenueRejected,
    VenueUnavailable,
)
from tests.contract.test_venues import (
    NEVER,
    a_route,
    answer,
    cut_off,
    decided,
    signed,
    test_a_quote_is_net_of_its_fee_and_impact_and_tells_the_network_fee,
    test_a_quote_is_positive_and_lasts,
    test_a_repeat_of_a_landed_transaction_changes_nothing,
    test_a_search_finds_what_has_landed_and_proves_nothing_before_the_limit,
    test_a_signature_nobody_sent_is_unknown,
    test_a_swap_lands_with_what_was_asked_for,
    test_an_amount_that_cannot_pay_its_fees_is_rejected,
    test_answers_come_in_the_order_of_the_question,
    test_building_sends_nothing,
    test_bytes_that_are_no_transaction_are_rejected,
    test_it_goes_by_the_name_it_is_registered_under,
    test_quotes_may_be_asked_at_the_same_time,
    test_sending_twice_at_once_lands_once,
)
from tests.integration.onchain.conftest import Desk
from tests.integration.onchain.jupiter import staged
from tests.support.builders import an_intent, routed
from tests.support.onchain import FINAL, Devchain, venues_on
from tests.support.raydium_api import raydium_api

__all__ = [
    "test_a_quote_is_net_of_its_fee_and_impact_and_tells_the_network_fee",
    "test_a_quote_is_positive_and_lasts",
    "test_a_repeat_of_a_landed_transaction_changes_nothing",
    "test_a_search_finds_what_has_landed_and_proves_nothing_before_the_limit",
    "test_a_signature_nobody_sent_is_unknown",
    "test_a_swap_lands_with_what_was_asked_for",
    "test_an_amount_that_cannot_pay_its_fees_is_rejected",
    "test_answers_come_in_the_order_of_the_question",
    "test_building_sends_nothing",
    "test_bytes_that_are_no_transaction_are_rejected",
    "test_it_goes_by_the_name_it_is_registered_under",
    "test_quotes_may_be_asked_at_the_same_time",
    "test_sending_twice_at_once_lands_once",
]


class OfBlocks:
    """A venue on a chain that makes a block after each send."""

    def __init__(self, venue: Venue, chain: Devchain) -> None:
        self.name = venue.name
        self._venue = venue
        self._chain = chain

    async def quote(self, intent: SwapIntent) -> Quote:
        return await self._venue.quote(intent)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        return await self._venue.build(routed)

    async def send(self, transaction: SignedTransaction) -> None:
        await self._venue.send(transaction)
        self._chain.step()

    async def status(self, signatures: Sequence[str]) -> Sequence[Answer]:
        return await self._venue.status(signatures)

    async def search(self, transactions: Sequence[SignedTransaction]) -> Sequence[Answer]:
        return await self._venue.search(transactions)


@pytest_asyncio.fixture(params=["raydium", "meteora", "raydium_api", "jupiter"])
async def venue(request: pytest.FixtureRequest, desk: Desk, log: Log) -> AsyncIterator[Venue]:
    if request.param == "raydium_api":
        async with raydium_api(desk.settings, log, desk.chain) as (venue, _, _):
            yield OfBlocks(venue, desk.chain)
        return
    if request.param == "jupiter":
        async with staged(desk, log) as stage:
            yield OfBlocks(stage.venue, desk.chain)
        return
    async with venues_on(desk.settings) as venues:
        yield OfBlocks(venues[request.param], desk.chain)


async def test_two_builds_alike_are_one_transaction_until_the_next_block(
    venue: Venue, chain: Devchain
) -> None:
    order = routed(a_route(await venue.quote(an_intent())))

    one, other = await venue.build(order), await venue.build(order)
    chain.step()
    third = await venue.build(order)

    assert one == other
    assert third.signature != one.signature


async def test_what_was_never_sent_is_proven_dead_past_its_limit_and_lands_no_more(
    venue: Venue, chain: Devchain
) -> None:
    landed, unsent = await signed(venue), await signed(venue)
    await venue.send(landed)
    await decided(venue, landed.signature)

    chain.step(unsent.valid_until + FINAL - chain.height())
    [before] = await venue.search([unsent])
    chain.step()
    [proven] = await venue.search([unsent])
    await venue.send(unsent)

    assert before == Unknown()
    assert isinstance(proven, Expired)
    assert str(unsent.valid_until) in proven.proof
    assert await answer(venue, unsent.signature) == Unknown()


async def test_a_failure_is_told_once_it_is_final(
    venue: Venue, chain: Devchain, desk: Desk
) -> None:
    """Two orders spend the whole of a wallet: the chain refuses the second."""
    everything = Decimal(chain.balance(desk.wallet) - 10**8).scaleb(-9)
    one, other = [await signed(venue, intent=an_intent(str(everything))) for _ in range(2)]
    await venue.send(one)
    await venue.send(other)

    chain.step(30)
    early = await answer(venue, other.signature)
    chain.step(1)
    late = await answer(venue, other.signature)

    assert early == Pending()
    assert isinstance(late, Failed)
    assert late.reason is FailureReason.FAILED_ON_CHAIN


async def test_any_call_may_be_cut_off_at_any_moment_and_made_again(venue: Venue) -> None:
    transaction = await signed(venue)
    for turns in range(6):
        for call in (
            venue.quote(an_intent()),
            venue.send(transaction),
            venue.status([NEVER]),
            venue.search([transaction]),
        ):
            await cut_off(call, after_turns=turns)

    await venue.send(transaction)

    assert isinstance(await decided(venue, transaction.signature), Landed)
    assert (await venue.quote(an_intent())).amount_out > 0


@pytest.mark.parametrize("fault", ["throttled", "unavailable", "lostReply", "forgets"])
async def test_bad_news_comes_in_three_kinds_only(
    venue: Venue, chain: Devchain, fault: str
) -> None:
    transaction = await signed(venue)
    route = a_route(await venue.quote(an_intent()))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: venue.quote(an_intent()),
        lambda: venue.build(routed(route)),
        lambda: venue.send(transaction),
        lambda: venue.status([transaction.signature, NEVER]),
        lambda: venue.search([transaction]),
    ]
    chain.faults(**{fault: 0.5})

    for call in calls * 3:
        [result] = await asyncio.gather(call(), return_exceptions=True)

        assert not isinstance(result, Exception) or isinstance(
            result, VenueRejected | VenueUnavailable | ServerAway | RouteGone
        )
