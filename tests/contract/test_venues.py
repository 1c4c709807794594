"""What every venue promises the engine. A new venue is in this suite once it is registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import pytest_asyncio

from shared.orders.values import FailureReason, Quote, Route, SignedTransaction, SwapIntent
from shared.settings import VenueSettings
from shared.streams.redis.client import Client
from shared.venues.protocol import (
    Answer,
    Expired,
    Failed,
    Landed,
    Unknown,
    Venue,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)
from shared.venues.registry import every_name, open_venues, venue_names
from tests.support.builders import an_intent, routed
from tests.support.eventually import eventually

NEVER = "1" * 64  # A signature as chains write them, of nothing that was ever signed.
FAULTS = "*.unreachable=0.2,*.quote_error=0.2,*.quote_rejected=0.2,*.build_rejected=0.2"


@pytest_asyncio.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    connected = await Client.connect(redis_url)
    yield connected
    await connected.close()


@pytest.fixture(params=venue_names())
def venue(request: pytest.FixtureRequest, settings: VenueSettings, client: Client) -> Venue:
    return opened(request.param, settings, client)


@pytest.fixture(params=venue_names())
def short_lived(request: pytest.FixtureRequest, settings: VenueSettings, client: Client) -> Venue:
    """Return a venue whose transactions do not live long, where that can be chosen."""
    quick = {"chain_block_ms": 2, "chain_valid_blocks": 100}
    return opened(request.param, settings.model_copy(update=quick), client)


def opened(name: str, settings: VenueSettings, client: Client) -> Venue:
    return open_venues(settings.model_copy(update={"venues": name}), client)[name]


def a_route(quote: Quote, *, min_out: Decimal | None = None) -> Route:
    return Route(
        quote=quote, min_out=quote.amount_out * Decimal("0.99") if min_out is None else min_out
    )


async def signed(
    venue: Venue,
    *,
    order_id: str | None = None,
    intent: SwapIntent | None = None,
    min_out: Decimal | None = None,
) -> SignedTransaction:
    intent = intent or an_intent()
    quote = await venue.quote(intent)
    route = a_route(quote, min_out=min_out)
    return await venue.build(routed(route, order_id=order_id, intent=intent))


async def answer(venue: Venue, signature: str) -> Answer:
    (only,) = await venue.status([signature])
    return only


async def decided(venue: Venue, signature: str) -> Landed | Failed:
    async def decision() -> Landed | Failed | None:
        found = await answer(venue, signature)
        return found if isinstance(found, Landed | Failed) else None

    found: Landed | Failed | None = await eventually(decision)
    assert found
    return found


async def test_it_goes_by_the_name_it_is_registered_under(venue: Venue) -> None:
    assert venue.name in every_name()
    assert (await venue.quote(an_intent())).venue == venue.name


async def test_a_quote_is_positive_and_lasts(venue: Venue) -> None:
    quote = await venue.quote(an_intent())

    assert quote.amount_out > 0
    assert quote.expires_at > datetime.now(UTC)


async def test_a_quote_is_net_of_its_fee_and_impact_and_tells_the_network_fee(venue: Venue) -> None:
    there = await venue.quote(an_intent("1"))
    huge = await venue.quote(an_intent("20000"))

    assert 0 <= there.fee_bps < 10_000
    assert there.price_impact_bps < huge.price_impact_bps <= 10_000
    assert huge.amount_out / 20_000 < there.amount_out
    assert 0 <= there.network_fee == there.amount_out - there.net_out < there.amount_out


async def test_an_amount_that_cannot_pay_its_fees_is_rejected(venue: Venue) -> None:
    with pytest.raises(VenueRejected):
        await venue.quote(an_intent("0.000000001"))


async def test_quotes_may_be_asked_at_the_same_time(venue: Venue) -> None:
    quotes = await asyncio.gather(*(venue.quote(an_intent(str(i))) for i in range(1, 51)))

    assert len({quote.amount_out for quote in quotes}) == 50


async def test_a_swap_lands_with_what_was_asked_for(venue: Venue) -> None:
    intent = an_intent("2")
    quote = await venue.quote(intent)
    transaction = await venue.build(routed(a_route(quote), intent=intent))
    await venue.send(transaction)

    fate = await decided(venue, transaction.signature)

    assert isinstance(fate, Landed)
    assert fate.receipt.amount_in == 2
    assert fate.receipt.amount_out >= quote.amount_out * Decimal("0.99")


async def test_two_builds_of_one_order_are_two_transactions(venue: Venue) -> None:
    order = routed(a_route(await venue.quote(an_intent())))

    one, other = await venue.build(order), await venue.build(order)

    assert one.signature != other.signature


async def test_building_sends_nothing(venue: Venue) -> None:
    transaction = await signed(venue)

    assert await answer(venue, transaction.signature) == Unknown()


async def test_sending_twice_at_once_lands_once(venue: Venue) -> None:
    transaction = await signed(venue)

    results = await asyncio.gather(
        *(venue.send(transaction) for _ in range(10)), return_exceptions=True
    )
    fate = await decided(venue, transaction.signature)

    assert isinstance(fate, Landed)
    assert all(result is None or isinstance(result, VenueRejected) for result in results)
    assert await answer(venue, transaction.signature) == fate


async def test_a_repeat_of_a_landed_transaction_changes_nothing(venue: Venue) -> None:
    transaction = await signed(venue)
    await venue.send(transaction)
    fate = await decided(venue, transaction.signature)

    with suppress(VenueRejected):
        await venue.send(transaction)

    assert await answer(venue, transaction.signature) == fate


async def test_bytes_that_are_no_transaction_are_rejected(venue: Venue) -> None:
    nonsense = SignedTransaction(signature="nonsense", payload=b"\x00nonsense", valid_until=0)

    with pytest.raises(VenueRejected):
        await venue.send(nonsense)


async def test_a_signature_nobody_sent_is_unknown(venue: Venue) -> None:
    assert await answer(venue, NEVER) == Unknown()


async def test_answers_come_in_the_order_of_the_question(venue: Venue) -> None:
    sent, unsent = await signed(venue), await signed(venue)
    await venue.send(sent)
    fate = await decided(venue, sent.signature)

    asked = [unsent.signature, sent.signature, NEVER, sent.signature]

    assert list(await venue.status(asked)) == [Unknown(), fate, Unknown(), fate]
    assert list(await venue.status([])) == []


async def test_a_search_finds_what_has_landed_and_proves_nothing_before_the_limit(
    venue: Venue,
) -> None:
    sent, unsent = await signed(venue), await signed(venue)
    await venue.send(sent)
    fate = await decided(venue, sent.signature)

    assert list(await venue.search([unsent, sent, unsent])) == [Unknown(), fate, Unknown()]


async def test_what_was_never_sent_is_proven_dead_past_its_limit_and_never_taken_again(
    short_lived: Venue,
) -> None:
    landed, unsent = await signed(short_lived), await signed(short_lived)
    await short_lived.send(landed)
    fate = await decided(short_lived, landed.signature)

    async def proof() -> Answer | None:
        (answer,) = await short_lived.search([unsent])
        return None if answer == Unknown() else answer

    proven = await eventually(proof, within_s=120)
    with pytest.raises(VenueRejected):
        await short_lived.send(unsent)
    assert isinstance(proven, Expired)
    assert str(unsent.valid_until) in proven.proof
    once_more, found = await short_lived.search([unsent, landed])
    assert isinstance(once_more, Expired)
    assert found == fate
    assert await answer(short_lived, unsent.signature) == Unknown()


async def test_a_swap_that_would_pay_too_little_fails_on_chain(venue: Venue) -> None:
    transaction = await signed(venue, min_out=Decimal(10**9))
    await venue.send(transaction)

    fate = await decided(venue, transaction.signature)

    assert isinstance(fate, Failed)
    assert fate.reason is FailureReason.SLIPPAGE_EXCEEDED


@pytest.mark.parametrize("turns", range(6))
async def test_a_send_may_be_cut_off_at_any_moment_and_sent_again(venue: Venue, turns: int) -> None:
    transaction = await signed(venue)
    await cut_off(venue.send(transaction), after_turns=turns)

    again = (await asyncio.gather(venue.send(transaction), return_exceptions=True))[0]
    fate = await decided(venue, transaction.signature)

    assert again is None or isinstance(again, VenueRejected)
    assert isinstance(fate, Landed)


@pytest.mark.parametrize("turns", range(6))
async def test_a_question_may_be_cut_off_and_the_venue_still_answers(
    venue: Venue, turns: int
) -> None:
    await cut_off(venue.quote(an_intent()), after_turns=turns)
    await cut_off(venue.status(["one", "two", "three"]), after_turns=turns)

    assert (await venue.quote(an_intent())).amount_out > 0
    assert await answer(venue, NEVER) == Unknown()


@pytest.mark.parametrize("name", venue_names())
async def test_bad_news_comes_in_three_kinds_only(
    name: str, settings: VenueSettings, client: Client
) -> None:
    faulty = opened(name, settings.model_copy(update={"venue_faults": FAULTS}), client)
    sound = opened(name, settings, client)
    transaction = await signed(sound)
    route = a_route(await sound.quote(an_intent()))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: faulty.quote(an_intent()),
        lambda: faulty.build(routed(route)),
        lambda: faulty.send(transaction),
        lambda: faulty.status([transaction.signature]),
        lambda: faulty.search([transaction]),
    ]

    for call in calls * 20:
        (result,) = await asyncio.gather(call(), return_exceptions=True)

        assert not isinstance(result, Exception) or isinstance(
            result, VenueRejected | VenueUnavailable | VenueUnreachable
        )


async def cut_off(call: Awaitable[object], *, after_turns: int) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(after_turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
