"""What simulated venues pay, over all amounts, pairs and chances."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.venues.pricing import Offer, Terms, drifted, offer

TERMS = Terms(
    rate_min=Decimal("0.97"),
    rate_max=Decimal("1.02"),
    fee_bps=Decimal(30),
    depth_usd=Decimal(20_000_000),
)
FREE = Terms(
    rate_min=Decimal(1), rate_max=Decimal(1), fee_bps=Decimal(0), depth_usd=Decimal(10**15)
)

amounts = st.decimals("0.000000001", 10**12, places=9)
USD = {name: Decimal(price) for name, price in [("SOL", 150), ("USDC", 1), ("WBTC", 60_000)]}
USD["BONK"] = Decimal("0.00002")
tokens = st.sampled_from(list(USD))
chances = st.decimals(0, "0.999999", places=6)


def an_offer(
    amount_in: Decimal | str,
    *,
    terms: Terms = TERMS,
    pair: tuple[str, str] = ("SOL", "USDC"),
    luck: Decimal | str = "0.5",
) -> Offer:
    usd_in, usd_out = USD[pair[0]], USD[pair[1]]
    amount, chance = Decimal(amount_in), Decimal(luck)
    return offer(terms, amount, usd_in=usd_in, usd_out=usd_out, luck=chance)


def test_without_fee_and_impact_the_mid_rate_is_paid() -> None:
    assert an_offer("2", terms=FREE).amount_out == pytest.approx(Decimal(300))


def test_the_fee_is_taken_off_what_is_paid_out() -> None:
    dear = replace(FREE, fee_bps=Decimal(30))

    assert an_offer("2", terms=dear).amount_out == pytest.approx(Decimal("299.1"))


def test_the_network_fee_is_5000_lamports_in_units_of_the_token_out() -> None:
    assert an_offer("2", pair=("USDC", "SOL")).network_fee == Decimal("0.000005")
    assert an_offer("2", pair=("SOL", "USDC")).network_fee == Decimal("0.00075")


def test_half_the_pool_moves_the_price_by_a_third() -> None:
    half_the_pool = TERMS.depth_usd / 2 / USD["SOL"]
    unfeed = half_the_pool / (1 - TERMS.fee_bps / 10_000)

    assert an_offer(unfeed).price_impact_bps == pytest.approx(Decimal(10_000) / 3)


@given(amounts, amounts, tokens, tokens, chances)
def test_more_in_never_gives_less_out(
    one: Decimal, other: Decimal, token_in: str, token_out: str, luck: Decimal
) -> None:
    less, more = sorted((one, other))
    pair = (token_in, token_out)

    assert (
        an_offer(less, pair=pair, luck=luck).amount_out
        <= an_offer(more, pair=pair, luck=luck).amount_out
    )


@given(amounts, amounts, chances)
def test_more_in_never_gives_a_better_price(one: Decimal, other: Decimal, luck: Decimal) -> None:
    less, more = sorted((one, other))
    rounding = Decimal("0.000000001") / less

    assert (
        an_offer(more, luck=luck).amount_out / more
        <= an_offer(less, luck=luck).amount_out / less + rounding
    )


@given(amounts, tokens, tokens, chances)
def test_the_impact_is_between_nothing_and_everything(
    amount: Decimal, token_in: str, token_out: str, luck: Decimal
) -> None:
    assert 0 <= an_offer(amount, pair=(token_in, token_out), luck=luck).price_impact_bps <= 10_000


@given(amounts, tokens, tokens, chances)
def test_what_comes_out_is_never_above_mid_by_more_than_the_spread(
    amount: Decimal, token_in: str, token_out: str, luck: Decimal
) -> None:
    mid = amount * USD[token_in] / USD[token_out]

    assert (
        0
        <= an_offer(amount, pair=(token_in, token_out), luck=luck).amount_out
        <= mid * TERMS.rate_max
    )


@given(amounts, tokens, tokens, chances)
def test_amounts_have_at_most_nine_decimals(
    amount: Decimal, token_in: str, token_out: str, luck: Decimal
) -> None:
    offered = an_offer(amount, pair=(token_in, token_out), luck=luck)

    assert offered.amount_out.as_tuple().exponent == -9
    assert offered.network_fee.as_tuple().exponent == -9


@given(chances, chances)
def test_luck_decides_between_the_worst_and_the_best_rate(one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))

    assert an_offer("10", luck=less).amount_out <= an_offer("10", luck=more).amount_out


@given(amounts, chances)
def test_a_quote_drifts_by_half_a_percent_at_most(quoted: Decimal, luck: Decimal) -> None:
    drift = drifted(quoted, luck, 50) - quoted

    assert -quoted * Decimal("0.005") - Decimal("0.000000001") <= drift <= quoted * Decimal("0.005")


@given(amounts, chances)
def test_without_slippage_a_quote_is_what_is_paid(quoted: Decimal, luck: Decimal) -> None:
    assert drifted(quoted, luck, 0) == quoted.quantize(Decimal("1e-9"), ROUND_DOWN)


def test_a_quote_may_drift_either_way() -> None:
    assert drifted(Decimal(1_000), Decimal(0), 50) == 995
    assert drifted(Decimal(1_000), Decimal("0.5"), 50) == 1_000
    assert drifted(Decimal(1_000), Decimal("0.9"), 50) == 1_004
