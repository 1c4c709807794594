"""An order in words: true of any history, and exact where it has figures."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.gateway.orders.cancel import withdraw
from shared.orders.events import (
    OrderCancelled,
    OrderConfirmed,
    OrderEvent,
    OrderRouted,
    OutcomeContradicted,
    RouteExpired,
    TransactionExpired,
)
from shared.orders.order import evolve, replay
from shared.orders.states import END_STATUSES, ENDS, IN_FLIGHT, State
from shared.orders.telling.choice import Choice, choice_of
from shared.orders.telling.figures import bps_above, more_or_less, plain
from shared.orders.values import Discount, FailureReason, Quote, Receipt
from shared.orders.view import public_order
from shared.routing.choose import Handicaps, best_quote
from tests.support.builders import NOON, SOON, a_quote, a_split, an_intent, history
from tests.support.walks import a_failure, an_event, histories, path_to

AMOUNTS = st.decimals("0.000000001", 10**24, places=9)


def told(events: list[OrderEvent]) -> dict[str, Any]:
    return public_order(events)


def after(state: State, *kinds: type[OrderEvent]) -> list[OrderEvent]:
    """Return a history that leads to the state, and on through events of these kinds."""
    events = path_to(state)
    for kind in kinds:
        events.append(an_event(kind, replay(events)))
    return events


def chosen(
    *quotes: Quote, unable: tuple[str, ...] = (), discounts: tuple[Discount, ...] = ()
) -> Choice:
    """Return why the first of the quotes has won."""
    event = an_event(OrderRouted)
    assert isinstance(event, OrderRouted)
    route = replace(event.route, quote=quotes[0])
    return choice_of(replace(event, route=route, quotes=quotes, discounts=discounts), unable)


@given(histories())
def test_every_history_is_told_in_one_sentence_and_goes_on_until_its_end(
    events: list[OrderEvent],
) -> None:
    shown = told(events)

    assert shown["summary"].endswith(".")
    assert "None" not in shown["summary"]
    assert (shown["next"] is None) == (shown["status"] in END_STATUSES)
    assert shown["next"] is None or all(
        shown["next"][name].endswith(".") for name in ("what", "because")
    )


@given(histories())
def test_an_order_may_be_cancelled_whenever_a_cancel_would_change_it(
    events: list[OrderEvent],
) -> None:
    order = replay(events)
    assert order is not None
    names = [action["name"] for action in told(events)["actions"]]

    assert names == (["cancel"] if withdraw(order, SOON) else [])


@given(histories())
def test_the_effect_of_a_cancel_is_what_it_does(events: list[OrderEvent]) -> None:
    order = replay(events)
    assert order is not None
    for action in told(events)["actions"]:
        wish = withdraw(order, SOON)
        assert wish is not None
        ends = evolve(order, wish).state is State.CANCELLED
        assert action["effect"].startswith("Ends the order") == ends


def test_a_caller_that_may_not_act_is_offered_nothing() -> None:
    assert public_order(history(ending="sent"), may_act=False)["actions"] == []


@given(st.lists(st.tuples(st.sampled_from("abcde"), AMOUNTS), min_size=2, max_size=5), st.data())
def test_the_choice_is_explained_by_the_rule_that_made_it(
    offers: list[tuple[str, Decimal]], data: st.DataObject
) -> None:
    quotes = [a_quote(venue, f"{amount}") for venue, amount in dict(offers).items()]
    bps = data.draw(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 10_000)))
    unable = data.draw(st.sets(st.sampled_from("abcde")))
    discounts = tuple(Discount(venue=venue, bps=some) for venue, some in bps.items())
    won = best_quote(quotes, Handicaps(unable, bps))
    assert won is not None
    quotes.remove(won)
    choice = chosen(won, *quotes, unable=tuple(unable), discounts=discounts)

    assert choice.margin_bps is None or choice.margin_bps >= 0
    rest = [quote for quote in quotes if won.venue in unable or quote.venue not in unable]
    assert choice.runner_up == best_quote(rest, Handicaps(unable, bps))


@given(AMOUNTS, AMOUNTS)
def test_a_rate_is_exact_to_half_a_hundredth(amount: Decimal, reference: Decimal) -> None:
    bps = bps_above(amount, reference)
    assert bps is not None
    exact = (Fraction(amount) / Fraction(reference) - 1) * 10_000

    assert abs(Fraction(bps) - exact) <= Fraction(1, 200)
    assert "E" not in f"{bps:f}" and not f"{bps:f}".startswith("-0.00")  # noqa: PT018 - one claim


def test_nothing_is_compared_with_nothing() -> None:
    assert bps_above(Decimal(1), Decimal(0)) is None


@pytest.mark.parametrize(
    ("amount", "written"),
    [("224.500", "224.5"), ("100", "100"), ("1E+3", "1000"), ("1E-9", "0.000000001"), ("0", "0")],
)
def test_an_amount_is_written_with_the_digits_that_say_something(amount: str, written: str) -> None:
    assert plain(Decimal(amount)) == written


def test_a_rate_is_told_as_more_or_less() -> None:
    said = [more_or_less(Decimal(bps)) for bps in ("1.20", "-0.35", "0.00")]

    assert said == ["1.2 bps more", "0.35 bps less", "less than 0.01 bps off"]


@pytest.mark.parametrize(
    ("quotes", "said"),
    [
        (
            [a_quote("raydium", "225"), a_quote("meteora", "224")],
            "224.999 USDC after the network fee, 44.64 bps more than meteora.",
        ),
        (
            [a_quote("raydium", "225")],
            "224.999 USDC after the network fee; no other venue gave a quote.",
        ),
        (
            [a_quote("raydium", "225"), a_quote("meteora", "225")],
            (
                "224.999 USDC after the network fee, and meteora just as much: "
                "the names broke the tie."
            ),
        ),
        (
            [a_quote("raydium", "225.00001"), a_quote("meteora", "225")],
            ("224.99901 USDC after the network fee, less than 0.01 bps more than meteora."),
        ),
        (
            [a_quote("raydium", "225"), a_quote("meteora", "0.0001")],
            (
                "224.999 USDC after the network fee, and the quote of meteora is no "
                "more than the network fee."
            ),
        ),
        (
            [replace(a_quote("raydium", "225", fee="0"), fee_unpriced=True)],
            ("225 USDC before a network fee that has no price in it; no other venue gave a quote."),
        ),
    ],
)
def test_a_choice_is_told_with_its_margin(quotes: list[Quote], said: str) -> None:
    assert chosen(*quotes).why == f"The quote of raydium won: {said}"


def test_a_discount_that_ranked_is_told() -> None:
    discounts = (Discount(venue="meteora", bps=100),)
    choice = chosen(a_quote("raydium", "225"), a_quote("meteora", "226"), discounts=discounts)

    assert choice.margin_bps == Decimal("56.32")
    assert choice.why.endswith(
        "56.32 bps more than meteora, with 100 bps taken off meteora's quote for its record."
    )


def test_a_venue_that_had_failed_the_order_is_no_runner_up() -> None:
    choice = chosen(a_quote("raydium", "225"), a_quote("meteora", "226"), unable=("meteora",))

    assert (choice.runner_up, choice.margin_bps) == (None, None)
    assert choice.why.endswith("the other venues with a quote had failed this order before.")


def test_a_venue_counts_as_unable_in_the_routing_after_it_has_failed() -> None:
    events = after(State.ROUTED)
    order = replay(events)
    gone = an_event(RouteExpired, order)
    assert isinstance(gone, RouteExpired)
    events.append(replace(gone, venue="meteora", why="no such pool", failed=True))
    before = told(events)["route"]
    routed = an_event(OrderRouted, replay(events))
    after_all = told([*events, routed])["route"]

    assert (before["runnerUp"], after_all["runnerUp"]) == ("meteora", None)


def test_the_refusals_of_the_last_routing_are_shown() -> None:
    assert told(path_to(State.SENT))["refusals"] == [{"venue": "orca", "reason": "no such pair"}]
    assert told(path_to(State.ROUTING))["refusals"] == []


def test_every_quote_is_shown_with_what_it_ranks_by() -> None:
    quotes = told(path_to(State.ROUTED))["quotes"]

    assert [quote["netOut"] for quote in quotes] == ["224.999", "223.999"]


def test_a_confirmed_order_says_what_it_paid_against_its_quote() -> None:
    shown = told(history(ending="confirmed"))

    assert shown["vsQuoteBps"] == "-22.22"
    assert shown["summary"] == (
        "Swapped 1.5 SOL for 224.5 USDC on raydium, 22.22 bps less than quoted."
    )


def test_a_swap_that_pays_its_quote_says_so() -> None:
    *events, end = history(ending="confirmed")
    assert isinstance(end, OrderConfirmed)
    paid = Receipt(amount_in=Decimal("1.5"), amount_out=Decimal("225.000"))
    shown = told([*events, replace(end, receipt=paid)])

    assert shown["vsQuoteBps"] == "0.00"
    assert shown["summary"] == "Swapped 1.5 SOL for 225 USDC on raydium, as quoted."


def test_a_split_is_told_by_the_venues_of_its_pools() -> None:
    events = history(ending="confirmed")
    routed = events[2]
    assert isinstance(routed, OrderRouted)
    events[2] = replace(routed, route=replace(routed.route, quote=a_split()))

    assert "over several pools of raydium and meteora, " in told(events)["summary"]


@pytest.mark.parametrize("reason", FailureReason)
def test_every_reason_to_fail_has_words_of_its_own(reason: FailureReason) -> None:
    state = State.SENT if reason in {"SLIPPAGE_EXCEEDED", "FAILED_ON_CHAIN"} else State.ROUTING
    events = path_to(state)
    order = replay(events)
    assert order is not None
    summary = told([*events, a_failure(reason, order)])["summary"]

    assert summary.startswith("Not swapped: ")
    assert len(summary) > len("Not swapped: it failed.")


@pytest.mark.parametrize("state", sorted(ENDS))
def test_an_end_that_the_chain_contradicts_is_not_told_as_if_it_held(state: State) -> None:
    plainly, contradicted = told(path_to(state)), told(after(state, OutcomeContradicted))

    assert contradicted["summary"] != plainly["summary"]
    assert "landed" in contradicted["summary"]


def test_a_swap_that_a_fork_took_back_is_told_so() -> None:
    events = path_to(State.CONFIRMED)
    record = an_event(OutcomeContradicted, replay(events))
    assert isinstance(record, OutcomeContradicted)
    shown = told([*events, replace(record, kind="rolledBack", receipt=None)])

    assert shown["summary"].endswith("; but a fork of the chain has taken the swap back.")


def test_an_order_that_was_sent_and_cancelled_says_that_it_was_cancelled() -> None:
    events = after(State.SENT, TransactionExpired, OrderCancelled)

    assert told(events)["summary"] == "Cancelled, and nothing was swapped."


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_an_order_in_flight_is_due_when_the_services_say(state: State) -> None:
    assert public_order(path_to(state), due=SOON)["next"]["at"] == "2026-01-01T12:00:10Z"


@pytest.mark.parametrize(
    ("expires_s", "at", "then"),
    [
        (None, "2026-01-01T12:00:10Z", "its quote has expired"),
        (60, "2026-01-01T12:00:10Z", "its quote has expired"),
        (5, "2026-01-01T12:00:05Z", "it expires"),
    ],
)
def test_a_routed_order_tells_what_ends_its_route_first(
    expires_s: int | None, at: str, then: str
) -> None:
    expires_at = None if expires_s is None else NOON + timedelta(seconds=expires_s)
    first, *rest = path_to(State.ROUTED)
    upcoming = told([replace(first, intent=an_intent(expires_at=expires_at)), *rest])["next"]

    assert upcoming["at"] == at
    assert then in upcoming["what"]


def test_an_order_that_is_routed_anew_says_why() -> None:
    gone = told(after(State.ROUTED, RouteExpired))["next"]
    dropped = told(after(State.SENT, TransactionExpired))["next"]

    assert gone["because"] == "raydium's quote expired."
    assert dropped["because"] == "Its transaction can never land: past its height."
