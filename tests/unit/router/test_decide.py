"""Which venue wins, and when an order is not routed at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.decide import begin, choose_route, may_not_try_again
from shared.orders.events import (
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    RoutingStarted,
)
from shared.orders.order import Order, replay
from shared.orders.states import State
from shared.orders.values import Discount, FailureReason, Quote, Refusal, SwapIntent
from shared.routing.choose import Handicaps, best_quote, min_out
from tests.support.builders import NOON, a_quote, an_intent, submitted
from tests.support.walks import path_to

LATER = NOON + timedelta(seconds=1)
AMOUNTS = st.decimals(min_value="0.000000001", max_value=10**12, places=9)
QUOTES = st.lists(
    st.builds(
        lambda venue, out: a_quote(venue, str(out)), st.sampled_from(["a", "b", "c"]), AMOUNTS
    ),
    min_size=1,
    max_size=6,
)


def chosen(
    quotes: Sequence[Quote], refusals: Sequence[Refusal] = (), *, intent: SwapIntent | None = None
) -> OrderEvent:
    return choose_route(submitted(), intent or an_intent(), "desk", 1, (quotes, refusals), LATER)


def winner(*quotes: Quote) -> str:
    event = chosen(quotes)
    assert isinstance(event, OrderRouted)
    return event.route.venue


def an_order(*, attempts: int = 1, cancel_requested: bool = False) -> Order:
    order = replay(path_to(State.ROUTING))
    assert order is not None
    return replace(order, attempts=attempts, cancel_requested=cancel_requested)


def test_the_best_net_amount_wins_though_another_pays_more_before_the_network_fee() -> None:
    dear, cheap = a_quote("raydium", "225", fee="2"), a_quote("meteora", "224", fee="0.5")

    assert winner(dear, cheap) == "meteora"


@given(st.permutations([a_quote("raydium"), a_quote("meteora"), a_quote("orca")]))
def test_of_equal_quotes_the_last_name_wins_in_whatever_order_they_came(
    quotes: list[Quote],
) -> None:
    assert winner(*quotes) == "raydium"


@given(QUOTES)
def test_nobody_pays_more_than_the_winner(quotes: list[Quote]) -> None:
    event = chosen(quotes)
    best = max(quote.net_out for quote in quotes)

    if isinstance(event, OrderRouted):
        assert event.route.quote.net_out == best
    else:
        assert best <= 0


def past(*unable: str) -> str:
    quotes = [a_quote("raydium", "225"), a_quote("meteora", "200")]
    handicaps = Handicaps(unable=unable)
    event = choose_route(submitted(), an_intent(), "desk", 1, (quotes, ()), LATER, handicaps)
    assert isinstance(event, OrderRouted)
    return event.route.venue


def test_a_venue_that_did_not_build_for_an_order_comes_after_all_that_quote() -> None:
    assert [past(), past("raydium"), past("raydium", "meteora")] == [
        "raydium",
        "meteora",
        "raydium",
    ]


def against(*quotes: Quote, **discounts: int) -> OrderRouted:
    handicaps = Handicaps(discounts=discounts)
    event = choose_route(submitted(), an_intent(), "desk", 1, (quotes, ()), LATER, handicaps)
    assert isinstance(event, OrderRouted)
    return event


def test_a_venue_with_a_bad_record_wins_only_by_more_than_its_discount() -> None:
    close = against(a_quote("raydium", "101"), a_quote("meteora", "100"), raydium=200)
    far = against(a_quote("raydium", "103"), a_quote("meteora", "100"), raydium=200)

    assert (close.route.venue, far.route.venue) == ("meteora", "raydium")


def test_a_discount_ranks_and_is_told_and_takes_nothing_from_the_quote() -> None:
    quotes = [a_quote("raydium", "101"), a_quote("meteora", "50")]
    event = against(*quotes, raydium=200, orca=9_000)

    assert event.quotes == tuple(quotes)
    assert event.route.quote == quotes[0]
    assert event.route.min_out == min_out(Decimal(101), 100)
    assert event.discounts == (Discount(venue="raydium", bps=200),)


def test_a_discount_makes_dust_no_better() -> None:
    quotes = [a_quote("raydium", "1", fee="3"), a_quote("meteora", "1", fee="2")]

    assert best_quote(quotes, Handicaps(discounts={"raydium": 9_000})) == quotes[1]


def test_slippage_tolerance_never_ranks() -> None:
    quotes = [a_quote("raydium", "225"), a_quote("meteora", "224")]
    routes = [chosen(quotes, intent=an_intent(slippage_bps=bps)) for bps in (0, 100, 10_000)]

    assert {route.route.venue for route in routes if isinstance(route, OrderRouted)} == {"raydium"}


def test_every_quote_and_every_refusal_is_kept() -> None:
    quotes = (a_quote("raydium"), a_quote("meteora", "224"))
    refusals = (Refusal(venue="orca", reason="no such pair"),)
    event = chosen(list(quotes), list(refusals))

    assert isinstance(event, OrderRouted)
    assert (event.quotes, event.refusals) == (quotes, refusals)


@pytest.mark.parametrize(
    ("quoted", "bps", "least"),
    [
        ("225", 100, "222.75"),
        ("225", 0, "225"),
        ("225", 10_000, "0"),
        ("0.000000003", 5_000, "0.000000001"),  # 1.5 atoms, rounded down.
        ("0.000000001", 1, "0"),
        ("0.000000001500", 0, "0.0000000015"),  # A token of twelve decimals.
        ("0.000000001000", 50, "0.000000000995"),
        ("0.000000000999999999", 0, "0.000000000999999999"),
        ("224.352272727", 100, "222.108749999"),  # …999.73 atoms.
        (str(2**64 - 1), 50, "18354510353341003856.925"),  # More digits than decimals usually keep.
    ],
)
def test_min_out_is_the_quote_less_the_tolerance_rounded_down(
    quoted: str, bps: int, least: str
) -> None:
    assert min_out(Decimal(quoted), bps) == Decimal(least)


@given(AMOUNTS, st.integers(0, 10_000))
def test_min_out_is_the_floor_in_whole_atoms(quoted: Decimal, bps: int) -> None:
    atoms = int(quoted.scaleb(9))

    assert int(min_out(quoted, bps).scaleb(9)) == atoms * (10_000 - bps) // 10_000


def test_min_out_is_taken_from_what_the_venue_pays_and_not_from_the_net_amount() -> None:
    event = chosen([a_quote("raydium", "100", fee="50")])

    assert isinstance(event, OrderRouted)
    assert event.route.min_out == 99


@pytest.mark.parametrize("fee", ["225", "225.000000001"])
def test_dust_that_the_network_fee_eats_fails_the_order(fee: str) -> None:
    event = chosen([a_quote("raydium", "225", fee=fee)])

    assert isinstance(event, OrderFailed)
    assert event.reason == FailureReason.NO_ROUTE
    assert event.detail == "the best quote, raydium's, pays less than the network fee"


def test_without_a_quote_the_order_fails_with_every_venues_reason() -> None:
    refusals = [Refusal(venue="raydium", reason="no pair"), Refusal(venue="orca", reason="dust")]
    event = chosen([], refusals)

    assert isinstance(event, OrderFailed)
    assert event.reason == FailureReason.NO_ROUTE
    assert event.detail == "raydium: no pair; orca: dust"
    assert event.attempts == 0


@pytest.mark.parametrize(
    ("expires_at", "kind"),
    [
        (None, OrderRouted),
        (LATER + timedelta(microseconds=1), OrderRouted),
        (LATER, OrderExpired),
        (NOON, OrderExpired),
    ],
)
def test_an_order_whose_deadline_passed_while_venues_were_asked_expires(
    expires_at: None, kind: type[OrderEvent]
) -> None:
    assert type(chosen([a_quote()], intent=an_intent(expires_at=expires_at))) is kind


def test_an_order_is_taken_up_with_its_intent() -> None:
    order = submitted()
    event = begin(order, LATER)

    assert event == RoutingStarted(**order.next(LATER), intent=order.intent, account=order.account)


def test_an_order_that_comes_too_late_is_not_taken_up() -> None:
    assert isinstance(begin(submitted(intent=an_intent(expires_at=NOON)), LATER), OrderExpired)


def test_an_order_may_be_routed_again_while_routes_are_left() -> None:
    assert may_not_try_again(an_order(attempts=4), submitted(), 5, LATER) is None


def test_an_order_without_routes_left_fails() -> None:
    end = may_not_try_again(an_order(attempts=5), submitted(), 5, LATER)

    assert isinstance(end, OrderFailed)
    assert (end.reason, end.attempts) == (FailureReason.ROUTES_EXHAUSTED, 5)


def test_a_cancel_request_goes_before_every_other_end() -> None:
    late = replace(an_order(attempts=5, cancel_requested=True), intent=an_intent(expires_at=NOON))

    assert isinstance(may_not_try_again(late, submitted(), 5, LATER), OrderCancelled)


def test_a_deadline_goes_before_the_count_of_routes() -> None:
    late = replace(an_order(attempts=5), intent=an_intent(expires_at=NOON))

    assert isinstance(may_not_try_again(late, submitted(), 5, LATER), OrderExpired)


def test_the_same_facts_give_the_same_event_again() -> None:
    order, quotes = submitted(), [a_quote(), a_quote("meteora")]

    one, other = (
        choose_route(order, order.intent, order.account, 1, (quotes, []), LATER) for _ in range(2)
    )

    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert one.version == order.version + 1
