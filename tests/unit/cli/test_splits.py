"""How a split reads, in an order that is shown."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec.structs import replace

from cli import splits
from cli.orders import command as orders
from shared.orders.codec import decode
from shared.orders.view import public_order
from slipstream import Order, Quote

FOLDER = Path(__file__).parents[2] / "histories"


def order(history: str) -> Order:
    events = [decode(line) for line in (FOLDER / f"{history}.jsonl").read_bytes().splitlines()]
    return msgspec.convert(public_order(events), Order)


def test_an_order_over_pools_says_how_it_was_divided_and_what_that_was_good_for() -> None:
    assert dict(orders._fields(order("confirmed-after-a-split")))["split"] == (
        "over 2 pools (raydium 7Juw…zdny 75.0 %, raydium Fdyh…8PVM 25.0 %), "
        "9262.852124 USDC more after all fees than raydium 7Juw…zdny alone"
    )


def test_an_order_in_one_pool_says_nothing_of_it() -> None:
    assert dict(orders._fields(order("confirmed")))["split"] == ""


def test_an_amount_that_no_pool_takes_alone_is_said_to_be_so() -> None:
    quote: Quote = order("confirmed-after-a-split").quotes[1]

    assert splits.words(replace(quote, best_single=None), Decimal(10_000), "USDC").endswith(
        "raydium Fdyh…8PVM 25.0 %), and no pool alone takes it"
    )
