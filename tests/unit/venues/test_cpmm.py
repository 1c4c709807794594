"""Quotes of Raydium's pools, against what the real program answered and against its formulas."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import asdict
from solders.pubkey import Pubkey

from devchain.cpmm import layouts
from devchain.cpmm.swap import price_swap
from shared.venues.raydium.accounts import AmmConfig, Pool
from shared.venues.raydium.curve import (
    NoSwap,
    Standing,
    after,
    fee_bps,
    mid_price,
    price_impact_bps,
    swap,
)
from tests.support.cpmm import creator_fees, vectors

NOW = 1_700_000_000
KEY = Pubkey.default()
TIER = AmmConfig(
    trade_fee_rate=2_500, protocol_fee_rate=120_000, fund_fee_rate=40_000, creator_fee_rate=0
)


def standing(
    x: int, y: int, config: AmmConfig = TIER, *, creator: bool = False, creator_fee_on: int = 0
) -> Standing:
    pool = Pool(
        config=KEY,
        vaults=(KEY, KEY),
        mints=(KEY, KEY),
        programs=(KEY, KEY),
        decimals=(9, 6),
        observation=KEY,
        status=0,
        protocol_fees=(0, 0),
        fund_fees=(0, 0),
        creator_fees=(0, 0),
        open_time=0,
        creator_fee_on=creator_fee_on,
        creator_fee_enabled=creator,
    )
    return Standing(pool=pool, config=config, vaults=(x, y))


def recorded(config: Mapping[str, int], pool: Mapping[str, int]) -> Standing:
    tier = AmmConfig(
        trade_fee_rate=config["trade_fee_rate"],
        protocol_fee_rate=config["protocol_fee_rate"],
        fund_fee_rate=config["fund_fee_rate"],
        creator_fee_rate=0,
    )
    found = Pool(
        config=KEY,
        vaults=(KEY, KEY),
        mints=(KEY, KEY),
        programs=(KEY, KEY),
        decimals=(9, 6),
        observation=KEY,
        status=pool.get("status", 0),
        protocol_fees=(pool["protocol_fees_token_0"], pool["protocol_fees_token_1"]),
        fund_fees=(pool["fund_fees_token_0"], pool["fund_fees_token_1"]),
        creator_fees=(0, 0),
        open_time=pool.get("open_time", 0),
        creator_fee_on=0,
        creator_fee_enabled=False,
    )
    return Standing(pool=found, config=tier, vaults=(pool["vault_0"], pool["vault_1"]))


def told(at: Standing) -> dict[str, int]:
    pool = at.pool
    return {
        "vault_0": at.vaults[0],
        "vault_1": at.vaults[1],
        "protocol_fees_token_0": pool.protocol_fees[0],
        "protocol_fees_token_1": pool.protocol_fees[1],
        "fund_fees_token_0": pool.fund_fees[0],
        "fund_fees_token_1": pool.fund_fees[1],
    }


def ours(case: Mapping[str, Any], at: Standing) -> dict[str, Any]:
    side = 0 if case["zero_for_one"] else 1
    try:
        swapped = swap(at, side, case["amount_in"], case["clock"]["unix_timestamp"])
    except NoSwap as error:
        return {"code": error.code}
    if swapped.amount_out < case["min_out"]:
        return {"code": 6005}
    if case["amount_in"] > case["user"][f"token_{side}"]:
        return {"code": 1}
    return {
        "amount_out": swapped.amount_out,
        "trade_fee": swapped.trade_fee,
        "after": told(after(at, swapped)),
    }


def the_programs(case: Mapping[str, Any]) -> dict[str, Any]:
    if not case["ok"]:
        return {"code": case["error"].get("code")}
    state = {name: atoms for name, atoms in case["after"].items() if name != "recent_epoch"}
    return {"amount_out": case["amount_out"], "trade_fee": case["trade_fee"], "after": state}


def test_every_quote_is_what_the_real_program_answered() -> None:
    configs, cases = vectors()["configs"], vectors()["cases"]
    different = [
        case["id"]
        for case in cases
        if ours(case, recorded(configs[case["config"]], case["pool"])) != the_programs(case)
    ]

    assert len(cases) == 1_230
    assert not different


@pytest.mark.parametrize(
    ("creator_rate", "creator_fee_on", "out", "creator"),
    [
        (0, 0, 1_993_011_970, 0),
        (1_000, 0, 1_991_015_952, 1_000_000),
        (1_000, 2, 1_991_018_958, 1_993_012),
    ],
)
def test_golden_amounts_with_a_creators_fee(
    creator_rate: int, creator_fee_on: int, out: int, creator: int
) -> None:
    tier = AmmConfig(
        trade_fee_rate=2_500,
        protocol_fee_rate=120_000,
        fund_fee_rate=40_000,
        creator_fee_rate=creator_rate,
    )
    at = standing(
        10**12, 2 * 10**12, tier, creator=bool(creator_rate), creator_fee_on=creator_fee_on
    )
    swapped = swap(at, 0, 10**9, NOW)

    assert (swapped.amount_out, swapped.creator_fee) == (out, creator)
    assert (swapped.protocol_fee, swapped.fund_fee) == (300_000, 100_000)


@pytest.mark.parametrize(
    ("amount", "x", "y", "out"),
    [
        (10, 4_000_000, 70_000_000_000, 174_999),
        (10, 20_000, 30_000, 14),
        (100, 60_000, 30_000, 49),
    ],
)
def test_golden_amounts_without_fees(amount: int, x: int, y: int, out: int) -> None:
    free = AmmConfig(trade_fee_rate=0, protocol_fee_rate=0, fund_fee_rate=0, creator_fee_rate=0)

    assert swap(standing(x, y, free), 0, amount, NOW).amount_out == out


def test_every_creators_fee_is_that_of_the_programs_source() -> None:
    cases = creator_fees()
    for case in cases:
        tier = AmmConfig(**{name: case[name] for name in AmmConfig.__struct_fields__})
        side = case["side"]
        reserves = (case["reserve_in"], case["reserve_out"])
        x, y = reserves if side == 0 else reserves[::-1]
        at = standing(x, y, tier, creator=True, creator_fee_on=case["creator_fee_on"])
        swapped = asdict(swap(at, side, case["amount_in"], NOW))

        assert {name: swapped[name] for name in swapped.keys() & case.keys()} == {
            name: case[name] for name in swapped.keys() & case.keys()
        }

    assert {(case["side"], case["creator_fee_on"]) for case in cases} == {
        (side, fee_on) for side in (0, 1) for fee_on in (0, 1, 2)
    }


def test_the_impact_is_the_part_of_the_reserve_that_comes_in() -> None:
    at = standing(99_750, 10**6)

    assert price_impact_bps(at, swap(at, 0, 250, NOW)) == Decimal("24.90")


@pytest.mark.parametrize(
    ("in_vault", "fee_on", "amount", "code"),
    [
        (10**6, 0, 0, 2505),
        (10**6, 0, 2**64, None),  # No instruction can say it.
        (0, 0, 10**6, None),
        (10**6, 3, 10**6, 6013),
    ],
)
def test_a_swap_that_cannot_be_is_refused_as_the_program_would(
    in_vault: int, fee_on: int, amount: int, code: int | None
) -> None:
    with pytest.raises(NoSwap) as refused:
        swap(standing(in_vault, 10**6, creator_fee_on=fee_on), 0, amount, NOW)

    assert refused.value.code == code


def test_an_empty_pool_has_no_price() -> None:
    with pytest.raises(NoSwap, match="empty"):
        mid_price(standing(10**6, 0), 0)


reserves = st.integers(1, 2**62)
rates = st.integers(0, 100_000)


@st.composite
def pools(draw: st.DrawFn) -> Standing:
    tier = AmmConfig(
        trade_fee_rate=draw(rates),
        protocol_fee_rate=draw(rates),
        fund_fee_rate=draw(rates),
        creator_fee_rate=draw(rates),
    )
    fee_on = draw(st.integers(0, 2))
    return standing(
        draw(reserves), draw(reserves), tier, creator=draw(st.booleans()), creator_fee_on=fee_on
    )


@given(pools(), st.integers(0, 1), st.integers(1, 2**62), st.integers(0, 10**9))
def test_a_pool_never_loses_and_more_in_never_pays_less(
    at: Standing, side: int, amount: int, more: int
) -> None:
    try:
        one = swap(at, side, amount, NOW)
    except NoSwap:
        assume(False)
    later = after(at, one)

    assert later.reserve(0) * later.reserve(1) >= at.reserve(0) * at.reserve(1)
    assert sum(later.vaults) - sum(at.vaults) == one.amount_in - one.amount_out
    assert swap(at, side, amount + more, NOW).amount_out >= one.amount_out


@given(pools(), st.integers(0, 1), st.integers(2, 2**60))
def test_two_swaps_in_a_row_never_pay_more_than_one_by_the_curve(
    at: Standing, side: int, amount: int
) -> None:
    try:
        whole = swap(at, side, amount, NOW)
        first = swap(at, side, amount // 2, NOW)
        second = swap(after(at, first), side, amount - amount // 2, NOW)
    except NoSwap:
        assume(False)

    # What the pool keeps of the first half's fee makes the second dearer: only rounding may gain.
    assert first.amount_out + second.amount_out <= whole.amount_out + 2


@given(pools(), st.integers(0, 1), st.integers(1, 2**62))
def test_fees_and_impact_explain_the_amount_to_a_millionth(
    at: Standing, side: int, amount: int
) -> None:
    try:
        swapped = swap(at, side, amount, NOW)
    except NoSwap:
        assume(False)
    fee, impact = (Fraction(fee_bps(swapped)), Fraction(price_impact_bps(at, swapped)))
    without = amount * mid_price(at, side)
    explained = without * (1 - fee / 10_000) * (1 - impact / 10_000)

    assert abs(explained - swapped.amount_out) <= 1 + without / 10**6


@given(pools(), st.integers(0, 1), st.integers(1, 2**62))
def test_every_fee_is_that_of_the_development_chains_program(
    at: Standing, side: int, amount: int
) -> None:
    try:
        swapped = swap(at, side, amount, NOW)
    except NoSwap:
        assume(False)
    pool, tier = at.pool, at.config
    config = layouts.Config(
        index=0,
        trade_fee_rate=tier.trade_fee_rate,
        protocol_fee_rate=tier.protocol_fee_rate,
        fund_fee_rate=tier.fund_fee_rate,
        creator_fee_rate=tier.creator_fee_rate,
    )
    state = layouts.PoolState(
        decimals=pool.decimals,
        creator_fee_on=pool.creator_fee_on,
        creator_fee_enabled=pool.creator_fee_enabled,
    )
    theirs = price_swap(config, state, at.vaults, side, amount)

    assert (theirs.out, theirs.trade_fee, theirs.creator_fee, theirs.creator_on_input) == (
        swapped.amount_out,
        swapped.trade_fee,
        swapped.creator_fee,
        swapped.creator_on_input,
    )
    assert (theirs.protocol_fee, theirs.fund_fee) == (swapped.protocol_fee, swapped.fund_fee)
