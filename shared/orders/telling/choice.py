"""Why an order went where it went: its last route against the second best, by what ranked."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from shared.orders.events import OrderRouted
from shared.orders.ranking import best_first, worth
from shared.orders.telling.figures import bps_above, more_or_less, plain
from shared.orders.values import Quote


class Choice(NamedTuple):
    """The quote that won, the second best of those that could have, and what set them apart.

    `margin_bps` is by how many bps the winner's net amount, discounts taken off, is above the
    other's: None without another, and where the other pays nothing after its fee.
    """

    won: Quote
    runner_up: Quote | None
    margin_bps: Decimal | None
    why: str


def choice_of(routed: OrderRouted, unable: Collection[str]) -> Choice:
    """Return what was chosen; `unable` are the venues that had failed the order before."""
    won = routed.route.quote
    discounts = {discount.venue: discount.bps for discount in routed.discounts}
    others = [quote for quote in routed.quotes if quote != won]
    if won.venue not in unable:
        others = [quote for quote in others if quote.venue not in unable]
    runner_up = next(iter(best_first(others, unable, discounts)), None)
    said = f"{plain(won.net_out)} {routed.intent.token_out} {_fee(won)}"
    paid = f"The quote of {won.venue} won: {said}"
    if runner_up is None:
        return Choice(won, None, None, f"{paid}; {_alone(routed)}.")
    ours, theirs = worth(won, discounts), worth(runner_up, discounts)
    margin = bps_above(ours, theirs)
    record = "".join(
        f", with {discounts[venue]} bps taken off {venue}'s quote for its record"
        for venue in dict.fromkeys((won.venue, runner_up.venue))
        if venue in discounts
    )
    return Choice(won, runner_up, margin, f"{paid}{_apart(runner_up, ours, theirs)}{record}.")


def _fee(quote: Quote) -> str:
    return (
        "before a network fee that has no price in it"
        if quote.fee_unpriced
        else "after the network fee"
    )


def _alone(routed: OrderRouted) -> str:
    if len(routed.quotes) > 1:
        return "the other venues with a quote had failed this order before"
    return "no other venue gave a quote"


def _apart(runner_up: Quote, ours: Decimal, theirs: Decimal) -> str:
    margin = bps_above(ours, theirs)
    if margin is None:
        return f", and the quote of {runner_up.venue} is no more than the network fee"
    if ours == theirs:
        return f", and {runner_up.venue} just as much: the names broke the tie"
    if margin == 0:
        return f", less than 0.01 bps more than {runner_up.venue}"
    return f", {more_or_less(margin)} than {runner_up.venue}"
