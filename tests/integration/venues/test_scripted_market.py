"""A scripted market in Redis: one for all replicas, and moved by whoever tests on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from shared.orders.values import FailureReason, Quote, Route
from shared.settings import InvalidSettings, VenueSettings
from shared.streams.redis.client import Client
from shared.streams.redis.standalone import OneServer
from shared.venues.market.stage import Stage
from shared.venues.protocol import (
    Answer,
    Failed,
    Landed,
    Venue,
    VenueUnavailable,
    VenueUnreachable,
)
from shared.venues.registry import open_venues
from tests.support.builders import an_intent, routed
from tests.support.eventually import eventually

NOBODY_THERE = "redis://127.0.0.1:1"
FALL = "*.fee=0bps; *.depth=1000000000000usd; SOL=step 150@0s 100@10s"


@pytest_asyncio.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    connected = await Client.connect(redis_url)
    yield connected
    await connected.close()


@pytest.fixture
def scripted(settings: VenueSettings) -> VenueSettings:
    return playing(settings, FALL)


@pytest.fixture
def stage(scripted: VenueSettings, client: Client) -> Stage:
    return Stage(scripted, client)


def playing(settings: VenueSettings, script: str) -> VenueSettings:
    return settings.model_copy(update={"venue_market": script, "venue_slippage_bps": 0})


def a_venue(settings: VenueSettings, client: Client, name: str = "raydium") -> Venue:
    return open_venues(settings, client)[name]


async def price(venue: Venue) -> Decimal:
    return (await venue.quote(an_intent("1"))).amount_out.quantize(Decimal("0.01"))


async def swapped(venue: Venue, quote: Quote, *, least: Decimal) -> Answer:
    transaction = await venue.build(
        routed(Route(quote=quote, min_out=least), intent=an_intent("1"))
    )
    await venue.send(transaction)
    [answer] = await venue.status([transaction.signature])
    return answer


async def test_a_market_stands_where_it_is_put(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    venue = a_venue(scripted, client)
    seen = []
    for at_ms in (0, 9_999, 10_000, 0):
        await stage.play(at_ms=at_ms, held=True)
        seen.append(await price(venue))

    assert seen == [150, 150, 100, 150]


async def test_all_replicas_see_each_move_with_their_next_quote(
    stage: Stage, scripted: VenueSettings, client: Client, redis_url: str
) -> None:
    elsewhere = await Client.connect(redis_url)
    venues = [
        a_venue(scripted, at, name) for at in (client, elsewhere) for name in ("raydium", "meteora")
    ]
    await stage.play("*.fee=0bps; *.depth=1000000000000usd; SOL=walk 150 10% 1s", held=True)
    for at_ms in range(0, 20_000, 1_000):
        await stage.play(at_ms=at_ms)
        prices = await asyncio.gather(*(price(venue) for venue in venues))

        assert len(set(prices)) == 1
    assert prices[0] != 150
    await elsewhere.close()


async def test_a_market_begins_with_the_first_question_and_goes_on(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    moment = await stage.moment()
    venue = a_venue(playing(scripted, scripted.venue_market), client)
    # As if it had begun ten seconds ago.
    await stage.play(at_ms=10_000)

    assert (moment.at_ms, moment.held) == (0, False)
    assert await price(venue) == 100
    assert (await Stage(scripted, client).moment()).at_ms >= 10_000


async def test_the_clock_runs_in_blocks_until_it_is_held(
    settings: VenueSettings, client: Client
) -> None:
    quick = playing(settings, FALL).model_copy(update={"chain_block_ms": 20})
    stage = Stage(quick, client)
    await stage.play(at_ms=0)

    async def has_moved() -> bool:
        return (await stage.moment()).at_ms >= 40

    await eventually(has_moved)
    running = await stage.moment()
    await stage.play(held=True)
    held = [await stage.moment() for _ in range(3)]
    await stage.play(held=False)

    assert running.at_ms % 20 == 0
    assert len({moment.at_ms for moment in held}) == 1
    assert held[0].held
    assert not (await stage.moment()).held


async def test_a_replica_that_starts_brings_in_a_new_setting_and_others_follow(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    await stage.play(at_ms=10_000, held=True)
    old = a_venue(scripted, client)
    before = await price(old)
    new = a_venue(playing(scripted, FALL.replace("150@0s", "170@0s")), client)
    after = await price(new)

    assert [before, after] == [100, 170]
    assert await price(old) == 170


async def test_another_script_may_be_played_and_outlives_replicas(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    await stage.play(FALL.replace("150@0s", "90@0s"), held=True)

    assert await price(a_venue(scripted, client)) == 90
    assert await price(a_venue(scripted, client)) == 90


async def test_a_wrong_script_is_refused_and_changes_nothing(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    await stage.play(at_ms=10_000, held=True)
    with pytest.raises(InvalidSettings, match="names no token in 'DOGE'"):
        await stage.play("DOGE=line 1@0s")

    assert await price(a_venue(scripted, client)) == 100


async def test_nobody_can_play_where_venues_follow_no_script(
    settings: VenueSettings, client: Client
) -> None:
    with pytest.raises(InvalidSettings, match="no venue here follows a script"):
        await Stage(settings, client).play(FALL)
    with pytest.raises(VenueUnavailable, match="no venue here follows a script"):
        await Stage(settings, client).moment()


async def test_whoever_moves_a_market_need_not_know_the_setting(
    stage: Stage, scripted: VenueSettings, settings: VenueSettings, client: Client
) -> None:
    venue = a_venue(scripted, client)
    before = await price(venue)
    await Stage(settings, client).play(at_ms=10_000, held=True)

    assert [before, await price(venue)] == [150, 100]
    assert await price(a_venue(scripted, client)) == 100


async def test_what_one_replica_cannot_read_is_its_own_bad_news(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    await stage.play("meteora.spread=1bps")
    alone = a_venue(scripted.model_copy(update={"venues": "raydium"}), client)

    with pytest.raises(VenueUnavailable, match="names no venue in 'meteora'"):
        await alone.quote(an_intent())


async def test_a_market_that_cannot_be_asked_is_waited_for(scripted: VenueSettings) -> None:
    nobody = Client(OneServer(NOBODY_THERE, timeout_s=1), timeout_s=1)

    with pytest.raises(VenueUnreachable):
        await a_venue(scripted, nobody).quote(an_intent())
    await nobody.close()


async def test_a_swap_pays_the_price_of_the_moment_when_it_is_sent(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    venue = a_venue(scripted, client)
    await stage.play(at_ms=0, held=True)
    quote = await venue.quote(an_intent("1"))
    await stage.play(at_ms=10_000)
    loose = await swapped(venue, quote, least=Decimal(99))
    strict = await swapped(venue, quote, least=Decimal(149))

    assert isinstance(loose, Landed)
    assert loose.receipt.amount_out == pytest.approx(Decimal(100))
    assert isinstance(strict, Failed)
    assert strict.reason is FailureReason.SLIPPAGE_EXCEEDED


async def test_a_bogus_quote_is_not_what_the_chain_pays(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    venue = a_venue(scripted, client)
    await stage.play(f"{FALL}; raydium.bogus=10x 0s..1s", held=True)
    bogus = await venue.quote(an_intent("1"))
    answer = await swapped(venue, bogus, least=bogus.amount_out * Decimal("0.9"))

    assert bogus.amount_out == pytest.approx(Decimal(1_500))
    assert isinstance(answer, Failed)
    assert "would have paid 149.99" in answer.detail


async def test_a_dark_venue_is_no_ill_venue(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    await stage.play(f"{FALL}; raydium.dark=0s.. SOL/USDC", held=True)

    with pytest.raises(VenueUnavailable, match="quote nothing") as caught:
        await a_venue(scripted, client).quote(an_intent())
    assert not caught.value.counts
    assert await price(a_venue(scripted, client, "meteora")) == 150


async def test_a_frozen_quote_tells_when_its_price_held(
    stage: Stage, scripted: VenueSettings, client: Client
) -> None:
    venue = a_venue(scripted, client)
    await stage.play(f"{FALL}; raydium.freeze=5s..60s", at_ms=15_000, held=True)
    before = datetime.now(UTC)
    frozen = await venue.quote(an_intent("1"))
    fresh = await a_venue(scripted, client, "meteora").quote(an_intent("1"))

    assert frozen.amount_out == pytest.approx(Decimal(150))
    assert frozen.seen_at
    assert timedelta(0) <= frozen.seen_at - (before - timedelta(seconds=10)) < timedelta(minutes=1)
    assert frozen.expires_at - frozen.seen_at == timedelta(milliseconds=scripted.quote_ttl_ms)
    assert fresh.amount_out == pytest.approx(Decimal(100))
    assert fresh.seen_at is None
