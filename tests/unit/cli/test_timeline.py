"""How an order's life reads."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest
from msgspec.structs import replace

from cli import timeline
from cli.timeline import line
from shared.orders.events import OrderEvent, OrderRouted
from shared.orders.values import Refusal, Route
from shared.orders.view import public_event
from tests.support.builders import NOON, Ending, a_quote, a_route, a_split, an_intent, history


def lines(ending: Ending) -> list[str]:
    return [line(public_event(event), NOON) for event in history("an-order", ending=ending)]


def test_every_event_has_words_of_its_own() -> None:
    assert set(timeline._WORDS) == {event.__name__ for event in get_args(OrderEvent)}


def test_a_line_says_when_which_version_what_status_and_why() -> None:
    assert lines("confirmed")[0] == (
        "   +0.000 s   1  pending    swap 1.5 SOL for USDC, at most 100 bps below the quote"
    )
    assert lines("confirmed")[-1] == (
        "   +0.500 s   6  confirmed  received 224.5 at 149.66667, in sig-an-order"
    )
    assert lines("failed")[-1].endswith("failed     NO_ROUTE: no venue trades this pair")


def test_a_route_shows_who_won_and_who_lost_or_refused() -> None:
    routed = OrderRouted(
        order_id="an-order",
        version=3,
        at=NOON,
        intent=an_intent(),
        route=a_route("raydium", "225", "222.75"),
        quotes=(a_quote("meteora", "224"), a_quote("raydium", "225")),
        refusals=(Refusal(venue="orca", reason="no pool"),),
        attempt=1,
    )

    assert line(public_event(routed), NOON).endswith(
        "raydium pays best, 225 USDC (meteora 224, orca: no pool); at least 222.75"
    )


def test_a_split_says_how_much_goes_where_and_how_much_more_that_pays() -> None:
    routed = OrderRouted(
        order_id="an-order",
        version=3,
        at=NOON,
        intent=an_intent("100"),
        route=Route(quote=a_split(), min_out=Decimal(14_900)),
        quotes=(a_split(), a_quote("raydium", "14990")),
        refusals=(),
        attempt=1,
    )

    assert line(public_event(routed), NOON).endswith(
        "split pays best, 15000 USDC (raydium 14990); at least 14900; over 2 pools (raydium "
        "7Xaw…Dn3k 71.5 %, meteora 9Qbc…7Yz1 28.5 %), 9.9985 USDC more after all fees than "
        "raydium 7Xaw…Dn3k alone"
    )


def test_a_fee_that_has_no_price_is_told() -> None:
    unpriced = replace(a_quote(fee="0"), fee_unpriced=True)
    routed = OrderRouted(
        order_id="an-order",
        version=3,
        at=NOON,
        intent=an_intent(),
        route=Route(quote=unpriced, min_out=Decimal(222)),
        quotes=(unpriced,),
        refusals=(),
        attempt=1,
    )

    assert line(public_event(routed), NOON).endswith(
        "at least 222; its network fee has no price in USDC"
    )


@pytest.mark.parametrize("ending", get_args(Ending))
def test_every_history_can_be_read(ending: Ending) -> None:
    assert len(lines(ending)) == len(history(ending=ending))


def test_signed_bytes_are_not_shown() -> None:
    assert not any("signed bytes" in one or "c2lnbmVk" in one for one in lines("confirmed"))


def test_an_event_of_a_later_version_is_shown_by_its_name() -> None:
    event = {"type": "OrderBlessed", "status": "pending", "version": 2, "at": NOON.isoformat()}

    assert line(event, NOON).endswith("OrderBlessed")
