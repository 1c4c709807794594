"""What the forerunners' orders mean in our own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.compat.requests import is_foreign, translated, written
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.parsing import parse_fields, parse_order
from services.gateway.orders.requests import NewOrder
from tests.support.tokens import some_tokens

TOKENS = some_tokens(SOL=18, USDC=6)
PAIR = '"tokenIn":"SOL","tokenOut":"USDC"'


def understood(fields: str) -> NewOrder:
    """Return the order that a body with these fields leads to."""
    return parse_order(
        written(translated(parse_fields(f"{{{PAIR},{fields}}}".encode()), TOKENS)), TOKENS
    )


def refused(fields: str) -> dict[str, str]:
    with pytest.raises(Problem) as caught:
        understood(fields)
    return {error.field: error.message for error in caught.value.errors}


@pytest.mark.parametrize(
    ("tolerance", "bps"),
    [
        ('"slippagePct":1', 100),
        ('"slippagePct":0.5', 50),
        ('"slippagePct":"0.5"', 50),
        ('"slippagePct":100', 10_000),
        ('"slippage":0.01', 100),
        ('"slippage":1e-2', 100),
        ('"slippage":0', 0),
        ('"slippage":1', 10_000),
        ('"slippageTolerance":"0.01"', 100),
        ('"slippageTolerance":0.01', 100),
        ('"maxSlippageBps":100', 100),
    ],
)
def test_each_tolerance_has_the_unit_that_its_forerunner_gave_it(tolerance: str, bps: int) -> None:
    assert understood(f'"amountIn":1,{tolerance}').intent.max_slippage_bps == bps


@pytest.mark.parametrize(
    "tolerance", ['"slippagePct":0.019', '"slippage":0.00019', '"slippageTolerance":"0.00019999"']
)
def test_a_tolerance_is_rounded_to_the_stricter_side(tolerance: str) -> None:
    assert understood(f'"amountIn":1,{tolerance}').intent.max_slippage_bps == 1


@pytest.mark.parametrize(
    ("tolerance", "highest"), [("slippagePct", 100), ("slippage", 1), ("slippageTolerance", 1)]
)
@pytest.mark.parametrize("value", ["-0.01", "100.01"])
def test_a_tolerance_out_of_range_is_refused_by_its_own_name(
    tolerance: str, highest: int, value: str
) -> None:
    assert refused(f'"amountIn":1,"{tolerance}":{value}') == {
        tolerance: f"must be from 0 to {highest}"
    }


@pytest.mark.parametrize("value", ['"much"', r'"\ud800"', "null", "true", "[]", "{}", "NaN", '""'])
def test_a_tolerance_that_is_no_number_is_refused(value: str) -> None:
    assert refused(f'"amountIn":1,"slippage":{value}') == {
        "slippage": "must be a decimal number, as a string or a JSON number"
    }


@pytest.mark.parametrize("amount", ["0.1", '"0.1"', "1e-1", "0.10"])
def test_an_amount_stays_exact_under_either_name(amount: str) -> None:
    assert str(understood(f'"amount":{amount},"slippage":0.01').intent.amount_in) == "0.1"
    assert str(understood(f'"amountIn":{amount},"side":"buy"').intent.amount_in) == "0.1"


def test_a_number_too_fine_for_a_float_survives_the_translation() -> None:
    order = understood('"amount":123456789012345678.123456789012345678,"slippage":0.01')

    assert str(order.intent.amount_in) == "123456789012345678.123456789012345678"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ('"amount":1,"amountIn":1', "amount"),
        ('"amountIn":1,"slippage":0.01,"slippagePct":1', "slippage"),
        ('"amountIn":1,"maxSlippageBps":100,"slippagePct":1', "slippagePct"),
        ('"amountIn":1,"side":"hold"', "side"),
        ('"amountIn":1,"side":["buy"]', "side"),
        ('"amountIn":1,"type":"limit"', "type"),
        ('"amountIn":1,"type":null', "type"),
        ('"amountIn":1,"userId":6', "userId"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(fields: str, wrong: str) -> None:
    assert set(refused(fields)) == {wrong}


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(refused('"amountIn":1,"side":"hold","type":"limit","slippage":2')) == {
        *("side", "type", "slippage")
    }


def test_a_wrong_field_of_ours_is_named_beside_those_of_the_forerunner() -> None:
    assert set(refused('"amount":0,"side":"hold","slippage":2,"clientOrderId":"","price":1')) == {
        *("amountIn", "side", "slippage", "clientOrderId", "price")
    }


@pytest.mark.parametrize("field", ["amount", "userId", "side", "expiresAt", "slippage"])
def test_an_object_that_gives_a_field_twice_is_refused_wherever_it_is(field: str) -> None:
    rest = '"amount":1,' if field != "amount" else ""

    assert refused(f'{rest}"{field}":{{"a":1,"a":1}}')


def test_side_type_and_user_change_nothing_about_the_order() -> None:
    plain = understood('"amountIn":"1"')

    assert understood('"amountIn":1,"side":"sell"') == plain
    assert understood('"amountIn":1,"type":"market","userId":"somebody"') == plain


def test_what_no_forerunner_knows_is_still_refused() -> None:
    assert refused('"amount":1,"slippage":0.01,"limitPrice":3') == {
        "limitPrice": "is not known here"
    }


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("tokenIn", "tokenOut", "amountIn", "amount", "side", "type", "userId"),
        *("slippage", "slippagePct", "slippageTolerance", "maxSlippageBps", "other"),
    ]
)


@given(st.dictionaries(NAMES, ANYTHING))
def test_what_cannot_be_understood_is_refused_as_an_order(fields: dict[str, Any]) -> None:
    body = json.dumps(fields).encode()

    try:
        assert (
            parse_order(written(translated(parse_fields(body), TOKENS)), TOKENS).intent.amount_in
            > 0
        )
    except Problem as problem:
        assert problem.code is Code.INVALID_ORDER  # noqa: PT017 - or it is understood


@pytest.mark.parametrize("depth", range(900, 1_100, 7))
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(Problem):
        understood(f'"amount":{"[" * depth}{"]" * depth},"slippage":0.01')


@pytest.mark.parametrize(
    "body",
    [b'{"amount":1}', b'{"side" : "buy"}', b'{"slippagePct":1}', b'{\n"userId":\n""}'],
)
def test_a_field_of_a_forerunner_is_noticed(body: bytes) -> None:
    assert is_foreign(body)


@pytest.mark.parametrize(
    "body", [b'{"amountIn":"1","tokenIn":"side"}', b'{"maxSlippageBps":1}', b"", b"amount"]
)
def test_an_order_in_our_own_words_is_left_alone(body: bytes) -> None:
    assert not is_foreign(body)
