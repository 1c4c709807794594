"""What only the simulated venues do: repeatable chance, delays, and faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.orders.values import FailureReason, Route, SignedTransaction
from shared.settings import VenueSettings
from shared.streams.redis.client import Client
from shared.venues.ledger import Ledger, Swap
from shared.venues.protocol import (
    Expired,
    Failed,
    Landed,
    Pending,
    Unknown,
    Venue,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)
from shared.venues.registry import open_venues
from tests.support.builders import an_intent, routed
from tests.support.eventually import eventually
from tests.support.tokens import file_of


@pytest_asyncio.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    connected = await Client.connect(redis_url)
    yield connected
    await connected.close()


class Simulation:
    """Opens venues over one chain, and reads that chain back."""

    def __init__(self, settings: VenueSettings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._ledger = Ledger(client, namespace=settings.namespace, retention_s=60)

    def venue(self, name: str = "raydium", **changes: Any) -> Venue:
        return open_venues(self._settings.model_copy(update=changes), self._client)[name]

    async def swaps(self) -> list[Swap]:
        return [swap async for swap in self._ledger.landed()]

    async def taken(self) -> int:
        return len([swap async for swap in self._ledger.entries()])


@pytest.fixture
def simulation(settings: VenueSettings, client: Client) -> Simulation:
    return Simulation(settings, client)


async def signed(venue: Venue, order_id: str = "order") -> SignedTransaction:
    quote = await venue.quote(an_intent())
    route = Route(quote=quote, min_out=quote.amount_out / 2)
    return await venue.build(routed(route, order_id=order_id))


async def test_the_same_seed_gives_the_same_quote_and_another_seed_another(
    simulation: Simulation,
) -> None:
    one = await simulation.venue(venue_seed="one").quote(an_intent())
    again = await simulation.venue(venue_seed="one").quote(an_intent())
    other = await simulation.venue(venue_seed="other").quote(an_intent())

    assert one.amount_out == again.amount_out != other.amount_out


async def test_a_token_without_a_simulated_price_is_not_traded(
    simulation: Simulation, tmp_path: Path
) -> None:
    unpriced = tmp_path / "tokens.toml"
    unpriced.write_text(file_of(SOL=9, USDC=6).replace("simulated_usd = 1\n", "", 1))

    with pytest.raises(VenueRejected, match="has no price of SOL"):
        await simulation.venue(tokens_file=str(unpriced)).quote(an_intent())


async def test_the_size_of_a_swap_draws_no_other_rate(simulation: Simulation) -> None:
    venue = simulation.venue()
    prices = [
        (await venue.quote(an_intent(amount))).amount_out / Decimal(amount)
        for amount in ("1", "1.1", "100", "1000")
    ]

    assert prices == sorted(prices, reverse=True)
    assert prices[0] / prices[1] < Decimal("1.0001")


async def test_two_venues_with_one_seed_differ(simulation: Simulation) -> None:
    raydium = await simulation.venue("raydium").quote(an_intent())
    meteora = await simulation.venue("meteora").quote(an_intent())

    assert raydium.amount_out != meteora.amount_out
    assert raydium.fee_bps - meteora.fee_bps == 10


async def test_a_quote_lasts_for_its_time_to_live(simulation: Simulation) -> None:
    before = datetime.now(UTC)
    quote = await simulation.venue(quote_ttl_ms=5_000).quote(an_intent())
    after = datetime.now(UTC)

    assert before <= quote.expires_at - timedelta(seconds=5) <= after


async def test_a_quote_takes_its_time(simulation: Simulation) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    await simulation.venue(venue_quote_ms=50).quote(an_intent())

    assert loop.time() - start >= 0.049


async def test_the_ledger_tells_which_order_was_swapped_where(simulation: Simulation) -> None:
    venue = simulation.venue("meteora")
    transaction = await signed(venue, "mine")
    await venue.send(transaction)

    (swap,) = await simulation.swaps()

    assert (swap.order_id, swap.venue) == ("mine", "meteora")
    assert swap.signature == transaction.signature
    assert (swap.token_in, swap.token_out, swap.amount_in) == ("SOL", "USDC", an_intent().amount_in)


async def test_sending_ten_times_at_once_is_one_swap(simulation: Simulation) -> None:
    venue = simulation.venue(venue_swap_ms_min=20_000, venue_swap_ms_max=20_000)
    transaction = await signed(venue)
    await asyncio.gather(*(venue.send(transaction) for _ in range(10)))

    assert len(await simulation.swaps()) == 1


async def test_an_order_signed_twice_is_swapped_twice(simulation: Simulation) -> None:
    venue = simulation.venue()
    for transaction in (await signed(venue, "twice"), await signed(venue, "twice")):
        await venue.send(transaction)

    assert [swap.order_id for swap in await simulation.swaps()] == ["twice", "twice"]


async def test_a_signed_transaction_is_valid_for_150_blocks(simulation: Simulation) -> None:
    before = datetime.now(UTC).timestamp()
    transaction = await signed(simulation.venue())
    after = datetime.now(UTC).timestamp()

    assert before / 0.4 - 1 <= transaction.valid_until - 150 <= after / 0.4


async def test_quote_silence_lasts_until_the_caller_gives_up(simulation: Simulation) -> None:
    venue = simulation.venue(venue_faults="raydium.quote_silence=1")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await venue.quote(an_intent())


@pytest.mark.parametrize(
    ("fault", "news"),
    [
        ("quote_error", VenueUnavailable),
        ("quote_rejected", VenueRejected),
        ("unreachable", VenueUnreachable),
    ],
)
async def test_a_faulty_quote_brings_its_bad_news(
    simulation: Simulation, fault: str, news: type[Exception]
) -> None:
    with pytest.raises(news):
        await simulation.venue(venue_faults=f"raydium.{fault}=1").quote(an_intent())


@pytest.mark.parametrize(
    ("fault", "news"), [("build_rejected", VenueRejected), ("unreachable", VenueUnreachable)]
)
async def test_a_faulty_build_brings_its_bad_news(
    simulation: Simulation, fault: str, news: type[Exception]
) -> None:
    quote = await simulation.venue().quote(an_intent())
    route = Route(quote=quote, min_out=quote.amount_out)

    with pytest.raises(news):
        await simulation.venue(venue_faults=f"*.{fault}=1").build(routed(route))


@pytest.mark.parametrize(
    ("fault", "news", "taken"),
    [
        ("send_error", VenueUnavailable, 0),
        ("send_lost_reply", VenueUnavailable, 1),
        ("unreachable", VenueUnreachable, 0),
    ],
)
async def test_a_faulty_send_brings_its_bad_news(
    simulation: Simulation, fault: str, news: type[Exception], taken: int
) -> None:
    transaction = await signed(simulation.venue())

    with pytest.raises(news):
        await simulation.venue(venue_faults=f"*.{fault}=1").send(transaction)

    assert await simulation.taken() == taken


async def test_an_unreachable_chain_gives_no_status(simulation: Simulation) -> None:
    with pytest.raises(VenueUnreachable):
        await simulation.venue(venue_faults="raydium.unreachable=1").status(["sig"])


async def test_what_never_lands_is_taken_and_stays_unknown(simulation: Simulation) -> None:
    venue = simulation.venue(venue_faults="raydium.never_lands=1")
    transaction = await signed(venue)
    await venue.send(transaction)

    assert await venue.status([transaction.signature]) == [Unknown()]
    assert (await simulation.taken(), await simulation.swaps()) == (1, [])


async def test_what_fails_on_chain_swaps_nothing(simulation: Simulation) -> None:
    venue = simulation.venue(venue_faults="raydium.fails_on_chain=1")
    transaction = await signed(venue)
    await venue.send(transaction)

    (answer,) = await venue.status([transaction.signature])

    assert isinstance(answer, Failed)
    assert answer.reason is FailureReason.FAILED_ON_CHAIN
    assert await simulation.swaps() == []


async def test_what_lands_late_takes_ten_times_as_long(
    simulation: Simulation, client: Client, settings: VenueSettings
) -> None:
    venue = simulation.venue(
        venue_swap_ms_min=100_000,
        venue_swap_ms_max=100_000,
        chain_valid_blocks=10_000,
        venue_faults="*.lands_late=1",
    )
    transaction = await signed(venue)
    await venue.send(transaction)

    key = f"{settings.namespace}:{{chain}}:tx:{transaction.signature}"
    _, lands_at_ms, *_ = map(bytes.decode, (await client.call("GET", key)).split())
    seconds, _ = await client.call("TIME")

    assert await venue.status([transaction.signature]) == [Pending()]
    assert 500_000 < int(lands_at_ms) - int(seconds) * 1_000 < 1_200_000


async def test_one_venues_faults_are_not_anothers(simulation: Simulation) -> None:
    venue = simulation.venue("meteora", venue_faults="raydium.quote_error=1,raydium.never_lands=1")
    transaction = await signed(venue)
    await venue.send(transaction)

    (answer,) = await venue.status([transaction.signature])

    assert isinstance(answer, Landed)


async def test_a_lost_send_seems_to_go_well_and_a_repeat_may_land(simulation: Simulation) -> None:
    transaction = await signed(simulation.venue())
    await simulation.venue(venue_faults="*.send_lost=1").send(transaction)
    taken_at_first = await simulation.taken()
    await simulation.venue().send(transaction)

    assert (taken_at_first, await simulation.taken()) == (0, 1)


async def test_a_stale_quote_has_expired_when_it_comes(simulation: Simulation) -> None:
    quote = await simulation.venue(venue_faults="*.quote_stale=1").quote(an_intent())

    assert quote.expires_at <= datetime.now(UTC)


async def test_a_node_may_lag_or_forget_and_prune_its_history(simulation: Simulation) -> None:
    quick: dict[str, Any] = {"chain_block_ms": 1, "chain_valid_blocks": 1}
    venue = simulation.venue(**quick)
    dead = await signed(venue)
    transaction = await signed(simulation.venue())
    await simulation.venue().send(transaction)

    async def is_proven() -> bool:
        return isinstance((await venue.search([dead]))[0], Expired)

    await eventually(is_proven)
    lagging = simulation.venue(venue_faults="*.node_lags=1")
    forgetful = simulation.venue(venue_faults="*.node_forgets=1")
    pruned = simulation.venue(venue_faults="*.history_pruned=1", **quick)
    assert await lagging.status([transaction.signature]) == [Unknown()]
    assert await forgetful.status([transaction.signature]) == [Unknown()]
    assert isinstance((await forgetful.search([transaction]))[0], Landed)
    assert await pruned.search([dead]) == [Unknown()]


async def test_an_outage_lasts_for_its_time(simulation: Simulation) -> None:
    short = simulation.venue(venue_faults="*.outage=1", venue_outage_ms=0)
    long = simulation.venue(venue_faults="*.outage=0.5", venue_outage_ms=60_000, venue_seed="")

    async def is_away() -> bool:
        results = await asyncio.gather(long.quote(an_intent()), return_exceptions=True)
        return isinstance(results[0], VenueUnreachable)

    await eventually(is_away)

    assert all([await is_away() for _ in range(20)])
    assert (await short.quote(an_intent())).amount_out > 0


async def test_slippage_can_be_provoked(simulation: Simulation) -> None:
    venue = simulation.venue(venue_faults="*.slippage_exceeded=1")
    transaction = await signed(venue)
    await venue.send(transaction)

    (answer,) = await venue.status([transaction.signature])

    assert isinstance(answer, Failed)
    assert answer.reason is FailureReason.SLIPPAGE_EXCEEDED
