"""Venues that fail or hang are passed over, cost orders nothing, and come back by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from shared.concurrency.timers import Deadline
from shared.errors import ServerAway
from shared.orders.values import Quote, SwapIntent
from shared.routing.panel import Panel
from shared.solana.rpc.errors import ChainAway
from shared.venues.health.breaker import IN_A_ROW, State
from shared.venues.http.answers import HeldBack
from shared.venues.protocol import VenueRejected, VenueUnavailable
from tests.support.builders import a_quote, an_intent
from tests.support.eventually import eventually
from tests.support.scripted_venue import ScriptedVenue


@dataclass
class Fickle(ScriptedVenue):
    """A venue whose next answer a test sets: a quote unless it is an error, or hangs."""

    error: Exception | None = None
    hangs: bool = False
    quotes: int = 0

    async def quote(self, _intent: SwapIntent) -> Quote:
        self.quotes += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return a_quote(self.name)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Table:
    """A good venue and a fickle one, and a clock of the breakers'."""

    good: Fickle
    bad: Fickle
    clock: Clock
    panel: Panel

    async def ask(self) -> tuple[list[str], list[str]]:
        quotes, refusals = await self.panel.ask(an_intent())
        return [quote.venue for quote in quotes], [refusal.reason for refusal in refusals]

    @property
    def state(self) -> State:
        return self.panel.book.breakers["meteora"].state


def a_table(deadline_s: float = 60) -> Table:
    good, bad, clock = Fickle("raydium"), Fickle("meteora"), Clock()
    return Table(good, bad, clock, Panel([good, bad], Deadline(deadline_s), now=clock))


async def broken(error: Exception | None = None) -> Table:
    table = a_table()
    table.bad.error = error or VenueUnavailable("500")
    for _ in range(IN_A_ROW):
        await table.ask()
    return table


@pytest.mark.parametrize(
    "error", [VenueUnavailable("500"), ChainAway("away"), ValueError("a bug")], ids=repr
)
async def test_a_venue_that_fails_is_asked_no_more_and_its_refusal_says_why(
    error: Exception,
) -> None:
    table = await broken(error)
    answers = [await table.ask() for _ in range(20)]

    assert table.bad.quotes == IN_A_ROW
    assert answers == [(["raydium"], [f"passed over: {error}"])] * 20


async def test_a_venue_that_hangs_costs_the_first_orders_a_deadline_and_the_others_nothing() -> (
    None
):
    table = a_table(deadline_s=0.02)
    table.bad.hangs = True
    loop = asyncio.get_running_loop()
    for _ in range(IN_A_ROW):
        await table.ask()
    assert table.state is State.OPEN
    table.panel._deadline = Deadline(60)
    began = loop.time()
    await asyncio.gather(*(table.ask() for _ in range(100)))

    assert loop.time() - began < 60
    assert table.bad.quotes == IN_A_ROW


@pytest.mark.parametrize("error", [VenueRejected("no such pair"), HeldBack("rate limit")], ids=repr)
async def test_a_no_and_a_rate_that_is_used_up_are_no_illness(error: Exception) -> None:
    table = a_table()
    table.bad.error = error
    for _ in range(5 * IN_A_ROW):
        await table.ask()

    assert table.state is State.UP
    assert table.bad.quotes == 5 * IN_A_ROW


async def test_a_venue_is_tried_beside_the_orders_one_quote_at_a_time_until_it_answers() -> None:
    table = await broken()
    table.bad.error, table.bad.hangs = None, True
    table.clock.now += 1
    asked = [await table.ask() for _ in range(10)]  # Nobody waits for the one that hangs.
    await eventually(lambda: table.bad.quotes == IN_A_ROW + 1)
    assert table.state is State.HALF_OPEN
    await table.ask()
    assert table.bad.quotes == IN_A_ROW + 1
    assert all(venues == ["raydium"] for venues, _ in asked)


async def test_a_venue_that_answers_again_is_asked_by_every_order() -> None:
    table = await broken()
    table.bad.error = None
    table.clock.now += 1
    await table.ask()
    await eventually(lambda: table.state is State.UP)

    assert await table.ask() == (["raydium", "meteora"], [])


async def test_a_trial_that_fails_makes_the_next_one_later() -> None:
    table = await broken()
    table.clock.now += 1
    await table.ask()
    await eventually(lambda: table.state is State.OPEN and table.bad.quotes == IN_A_ROW + 1)
    table.clock.now += 1.5
    await table.ask()
    assert table.bad.quotes == IN_A_ROW + 1
    table.clock.now += 0.5
    await table.ask()
    await eventually(lambda: table.bad.quotes == IN_A_ROW + 2)


async def test_a_trial_that_hangs_ends_at_the_deadline() -> None:
    table = await broken()
    table.bad.error, table.bad.hangs = None, True
    table.panel._deadline = Deadline(0.01)
    table.clock.now += 1
    await table.ask()

    await eventually(lambda: table.state is State.OPEN and table.bad.quotes == IN_A_ROW + 1)
    assert "no quote within 10 ms" in table.panel.book.breakers["meteora"].why


async def test_a_trial_that_is_held_back_is_put_off() -> None:
    table = await broken()
    table.bad.error = HeldBack("rate limit")
    table.clock.now += 1
    await table.ask()

    await eventually(lambda: table.state is State.OPEN and table.bad.quotes == IN_A_ROW + 1)
    assert table.panel.book.breakers["meteora"].tried_again_at == 2


async def refused(table: Table) -> Exception:
    [error] = await asyncio.gather(table.ask(), return_exceptions=True)
    assert isinstance(error, Exception)
    return error


async def test_a_final_no_of_those_that_are_well_does_not_speak_for_one_that_is_passed() -> None:
    ill, away = await broken(), await broken(ChainAway("no node answers"))
    for table in (ill, away):
        table.good.error = VenueRejected("no such pair")

    assert isinstance(await refused(ill), VenueUnavailable)
    assert isinstance(await refused(away), ServerAway)


async def test_with_nobody_well_all_are_asked_and_the_first_to_answer_is_well_again() -> None:
    table = await broken()
    table.good.error = VenueUnavailable("500")
    for _ in range(IN_A_ROW):
        await refused(table)
    assert table.panel.book.breakers["raydium"].state is State.OPEN
    before = table.bad.quotes
    assert isinstance(await refused(table), VenueUnavailable)
    table.bad.error = None

    assert table.bad.quotes == before + 1
    assert (await table.ask())[0] == ["meteora"]
    assert table.state is State.UP


async def test_what_venues_do_is_counted_for_the_record() -> None:
    table = a_table()
    await table.ask()
    table.bad.error = VenueRejected("no such pair")
    await table.ask()
    table.bad.error = HeldBack("rate limit")
    await table.ask()
    table.panel.won("raydium")
    told = table.panel.book.tally.take()

    assert told["raydium/quoted"] == 3
    assert (told["meteora/quoted"], told["meteora/refused"]) == (1, 1)
    assert told["meteora/quoteFailed"] == 1
    assert told["raydium/won"] == 1
