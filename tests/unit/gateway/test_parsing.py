"""What counts as an order, and what is said about what does not."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.http.problems import Code, Problem
from services.gateway.orders import fast_parsing, parsing
from services.gateway.orders.requests import NewOrder
from services.gateway.orders.submit import digest_of
from shared.tokens.registry import Token, load_tokens
from tests.support.tokens import a_mint, some_tokens

_MANY = 100_000

LONG = "x" * 64
KNOWN = some_tokens(SOL=18, USDC=6, sol=18, **{LONG: 0})
SOL_MINT = a_mint(0)

plain_order = partial(fast_parsing.plain_order, tokens=KNOWN)
plain_batch = partial(fast_parsing.plain_batch, tokens=KNOWN)
parse_order = partial(parsing.parse_order, tokens=KNOWN)
parse_batch = partial(parsing.parse_batch, tokens=KNOWN)
judged_order = partial(parsing.judged_order, tokens=KNOWN)
judged_batch = partial(parsing.judged_batch, tokens=KNOWN)


def body(**fields: str) -> bytes:
    """Return an order's JSON; each value is given as it is to be written."""
    given = {"tokenIn": '"SOL"', "tokenOut": '"USDC"', "amountIn": '"1.5"'} | fields
    return ("{" + ",".join(f'"{name}":{value}' for name, value in given.items()) + "}").encode()


def refusal(raw: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        parse_order(raw)
    return caught.value


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ('"1.5"', "1.5"),
        ("1.5", "1.5"),
        ("2", "2"),
        ('"1.50"', "1.5"),
        ("0.1", "0.1"),
        ("1e3", "1000"),
        ("1E-7", "0.0000001"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
        ("9" * 36, "9" * 36),
        ("1." + "0" * 40, "1"),
        ('"007"', "7"),
    ],
)
def test_an_amount_is_kept_exactly_and_in_plain_notation(written: str, amount: str) -> None:
    kept = parse_order(body(amountIn=written)).intent.amount_in

    assert (f"{kept:f}", kept.as_tuple().exponent) == (amount, Decimal(amount).as_tuple().exponent)


@given(st.decimals(min_value="0.000001", max_value=10**17, places=18, allow_nan=False))
def test_a_json_number_never_goes_through_a_float(amount: Decimal) -> None:
    order = parse_order(body(amountIn=f"{amount:f}"))

    assert order.intent.amount_in == amount


@pytest.mark.parametrize(
    "written",
    [
        *("0", "-1", '"-0.1"', '"0.000"', "true", "null", "[1]", "{}", '""', '" 1"', '"1_000"'),
        *('"NaN"', "NaN", "Infinity", "-Infinity", '"inf"', '"0x10"', '"1,5"', '"٣"', '"1."'),
        *("1e999", "1e999999999", '"1e999999999"', "1e99999999999999999999", "1e-999999999"),
        *("9" * 37, "9" * 5_000, "1" + "0" * 36, "0." + "0" * 18 + "1", "1.1234567890123456789"),
    ],
)
def test_an_amount_that_nobody_can_mean_is_refused_by_name(written: str) -> None:
    problem = refusal(body(amountIn=written))

    assert problem.code is Code.INVALID_ORDER
    assert [error.field for error in problem.errors] == ["amountIn"]


@pytest.mark.parametrize(
    ("field", "written"),
    [
        *(("tokenIn", bad) for bad in ('""', "1", "null", '"A B"', '"' + "A" * 65 + '"', '"S\\n"')),
        *(("tokenIn", bad) for bad in ('"\\ud800"', '"\\u0000"', '"é"', "1.5", "[]")),
        ("tokenOut", '"SOL"'),
        *(("maxSlippageBps", bad) for bad in ("-1", "10001", "1.5", "100.0", '"100"', "true")),
        *(("maxSlippageBps", bad) for bad in ("null", "9" * 50, "NaN")),
        *(("expiresAt", bad) for bad in ("1", '"soon"', '"2030-01-01"', '"2030-01-01T12:00:00"')),
        *(("expiresAt", bad) for bad in ('"2030-02-30T12:00:00Z"', '"1767225600"')),
        ("expiresAt", '"9999-12-31T23:59:59-23:00"'),
        ("slippage", "1"),
        ("AmountIn", "1"),
    ],
)
def test_a_wrong_field_is_named(field: str, written: str) -> None:
    problem = refusal(body(**{field: written}))

    assert problem.code is Code.INVALID_ORDER
    assert [error.field for error in problem.errors] == [field]


def test_every_missing_field_is_named() -> None:
    problem = refusal(b"{}")

    assert [e.field for e in problem.errors] == ["tokenIn", "tokenOut", "amountIn"]


def test_a_field_given_twice_is_refused_because_readers_disagree_which_counts() -> None:
    problem = refusal(b'{"tokenIn":"SOL","tokenOut":"USDC","amountIn":"1","amountIn":"100"}')

    assert [error.field for error in problem.errors] == ["amountIn"]


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"1", b'"x"', b"null", b"\xff\xfe", b'{"a":1}x', b"\xef\xbb\xbf{}"),
        *(b"[" * 60_000, b'{"a":' * 10_000, "{}".encode("utf-16")),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    assert refusal(raw).code is Code.MALFORMED_BODY


def test_a_great_many_mistakes_get_a_short_answer() -> None:
    """So many that it would take hours to compare each field with all others."""
    raw = json.dumps({f"field{i}\ud800": i for i in range(_MANY)}).encode()
    twice = b"{" + b",".join(b'"%d":1' % i for i in range(_MANY)) + b',"%d":1}' % (_MANY - 1)
    problems = refusal(raw), refusal(twice)

    assert all(len(problem.document()) < 5_000 for problem in problems)


def test_a_time_is_the_same_in_any_time_zone() -> None:
    here = parse_order(body(expiresAt='"2030-01-01T12:00:00.5Z"')).intent
    there = parse_order(body(expiresAt='"2030-01-01T14:00:00.500+02:00"')).intent

    assert digest_of("public", here) == digest_of("public", there)


@pytest.mark.parametrize(
    "other",
    [
        body(amountIn='"1.51"'),
        body(tokenIn='"sol"'),
        body(maxSlippageBps="99"),
        body(expiresAt='"2030-01-01T12:00:00Z"'),
    ],
)
def test_requests_that_ask_for_something_else_have_another_digest(other: bytes) -> None:
    one, two = parse_order(body()).intent, parse_order(other).intent

    assert digest_of("public", one) != digest_of("public", two)


def test_how_a_request_is_written_does_not_change_its_digest() -> None:
    one = parse_order(body(maxSlippageBps="100")).intent
    two = parse_order(b'{ "amountIn": 1.50, "tokenOut": "USDC", "tokenIn": "SOL" }').intent

    assert digest_of("public", one) == digest_of("public", two)
    assert digest_of("public", one) != digest_of("somebody", one)


def written(values: list[str]) -> st.SearchStrategy[str]:
    """Return how a field's value may be written: as one of these, or as anything."""
    anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    return st.sampled_from(values) | anything.map(json.dumps)


NAMES = ["SOL", "USDC", "S\\u004fL", "SOL\\n", "S L", LONG, LONG + "x", SOL_MINT, "FOO", "usdc"]
TOKENS = [f'"{name}"' for name in NAMES]
NUMBERS = ["0", "-0", "1", "10", "0.1", "0.10", "01", "1.", "1e2", "1.0", "100.0", "9" * 19]
AMOUNTS = [*NUMBERS, *(f'"{number}"' for number in NUMBERS), '"+1"', '" 1"', "0." + "1" * 19]
TIMES = [
    *('"2030-01-01T12:00:00Z"', '"2030-01-01T12:00:00.123456Z"', '"2030-01-01T12:00:00.1Z"'),
    *(
        '"2030-01-01T12:00:00.123456789Z"',
        '"2030-01-01T12:00:00.9999999Z"',
        '"2030-02-30T00:00:00Z"',
    ),
    *(
        '"2030-01-01T24:00:00Z"',
        '"2030-01-01T23:59:60Z"',
        '"2030-01-01 12:00:00Z"',
        '"0000-01-01T00:00:00Z"',
    ),
    *(
        '"2030-01-01T12:00:00+02:00"',
        '"2030-01-01t12:00:00z"',
        '"2030-01-01"',
        '"\u0662030-01-01T12:00:00Z"',
    ),
]
FIELDS = st.one_of(
    st.tuples(st.sampled_from(["tokenIn", "tokenOut"]), written(TOKENS)),
    st.tuples(st.just("amountIn"), written(AMOUNTS)),
    st.tuples(st.just("maxSlippageBps"), written(NUMBERS)),
    st.tuples(st.just("expiresAt"), written(TIMES)),
    st.tuples(st.just("clientOrderId"), written(['"mine"', '"my own"', '"\\""', '""'])),
    st.tuples(st.text(max_size=4), written(["1"])),
)
GIVEN = [("tokenIn", '"SOL"'), ("tokenOut", '"USDC"'), ("amountIn", '"1.5"')]


@st.composite
def orders(draw: st.DrawFn) -> str:
    """Return an order that is nearly fine: other fields besides or instead, some twice."""
    fields = dict(GIVEN) | dict(draw(st.lists(FIELDS, max_size=3)))
    pairs = [
        *fields.items(),
        *draw(st.lists(FIELDS, max_size=1) if draw(st.booleans()) else st.just([])),
    ]
    return "{" + ", ".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


def judged(raw: bytes) -> NewOrder | None:
    try:
        return judged_order(raw)
    except Problem:
        return None


@given(orders())
def test_what_is_plain_is_read_as_a_closer_look_reads_it(order: str) -> None:
    raw = order.encode(errors="surrogatepass")
    plain = plain_order(raw)

    assert plain is None or (plain == judged(raw) and repr(plain) == repr(judged(raw)))


@given(st.lists(orders(), min_size=1, max_size=3))
def test_a_plain_batch_is_read_as_a_closer_look_reads_it(batch: list[str]) -> None:
    raw = f'{{"orders":[{",".join(batch)}]}}'.encode(errors="surrogatepass")
    plain = plain_batch(raw)

    assert plain is None or plain == judged_batch(raw)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"amountIn": "1.5"},
        {"amountIn": "2"},
        {"maxSlippageBps": "0"},
        {"expiresAt": '"2030-01-01T12:00:00.5Z"'},
        {"clientOrderId": '"mine"'},
        {"expiresAt": '"2030-01-01T12:00:00Z"', "clientOrderId": '"mine"', "maxSlippageBps": "1"},
    ],
)
def test_what_most_clients_send_is_plain(fields: dict[str, str]) -> None:
    raw = body(**fields)

    assert plain_order(raw) == judged_order(raw)
    assert plain_batch(b'{"orders":[%b,%b]}' % (raw, raw)) == [judged_order(raw)] * 2


def messages(problem: Problem) -> dict[str, str]:
    return {error.field: error.message for error in problem.errors}


def test_a_token_that_nobody_knows_is_named_with_the_closest_names() -> None:
    problem = refusal(body(tokenIn='"Sol"', tokenOut='"FOO"'))

    assert problem.code is Code.UNKNOWN_TOKEN
    assert messages(problem) == {
        "tokenIn": "must be a token that GET /api/tokens lists; closest to Sol: SOL, sol",
        "tokenOut": "must be a token that GET /api/tokens lists",
    }


def test_with_another_mistake_beside_it_an_unknown_token_is_one_of_them() -> None:
    problem = refusal(body(tokenIn='"FOO"', amountIn="0"))

    assert problem.code is Code.INVALID_ORDER
    assert messages(problem).keys() == {"tokenIn", "amountIn"}


def test_an_unknown_token_of_a_batch_is_the_trouble_of_its_order() -> None:
    good, bad = body(), body(tokenOut='"FOO"')
    first, second = parse_batch(b'{"orders":[%b,%b]}' % (good, bad))

    assert first == parse_order(good)
    assert isinstance(second, Problem)
    assert second.code is Code.UNKNOWN_TOKEN


def test_a_mint_is_another_name_of_its_token() -> None:
    by_mint = body(tokenIn=f'"{SOL_MINT}"')

    assert parse_order(by_mint) == judged_order(by_mint) == parse_order(body())
    assert messages(refusal(body(tokenOut=f'"{SOL_MINT}"'))) == {
        "tokenOut": "must not be the same as tokenIn"
    }


@pytest.mark.parametrize(("amount", "fits"), [("1.123456", True), ("1.1234567", False)])
def test_an_amount_has_no_more_decimals_than_its_token(amount: str, *, fits: bool) -> None:
    raw = body(tokenIn='"USDC"', tokenOut='"SOL"', amountIn=amount)

    if fits:
        assert parse_order(raw) == judged_order(raw)
    else:
        problem = refusal(raw)
        assert problem.code is Code.INVALID_ORDER
        assert messages(problem) == {"amountIn": "must have at most 6 decimals, as USDC has"}


def test_zeros_behind_an_amounts_last_decimal_do_not_count() -> None:
    raw = body(tokenIn='"USDC"', tokenOut='"SOL"', amountIn='"1.1234560000"')

    assert str(parse_order(raw).intent.amount_in) == "1.123456"


@pytest.mark.parametrize("token", load_tokens("").all, ids=lambda token: token.symbol)
def test_an_order_of_any_token_that_ships_is_plain(token: Token) -> None:
    other = "USDC" if token.symbol != "USDC" else "SOL"
    raw = body(tokenIn=f'"{token.symbol}"', tokenOut=f'"{other}"', amountIn="2")

    assert fast_parsing.plain_order(raw, load_tokens("")) is not None


@pytest.mark.parametrize("again", ['"amountIn":"1.5"', '"maxSlippageBps":100', '"tokenIn":"SOL"'])
def test_a_field_that_is_given_twice_is_not_plain(again: str) -> None:
    raw = body(maxSlippageBps="100").replace(b"}", f",{again}}}".encode())

    assert plain_order(raw) is None
    assert plain_batch(b'{"orders":[%b]}' % raw) is None
    assert [e.message for e in refusal(raw).errors] == ["is given more than once"]


def test_a_field_given_twice_in_a_batch_refuses_its_own_order_only() -> None:
    good, twice = body(), body().replace(b"}", b',"amountIn":"9"}')
    first, second = parse_batch(b'{"orders":[%b,%b]}' % (good, twice))

    assert first == parse_order(good)
    assert isinstance(second, Problem)
    assert second.errors == [("amountIn", "is given more than once")]


def test_a_batch_whose_own_field_is_given_twice_is_no_batch() -> None:
    with pytest.raises(Problem) as caught:
        parse_batch(b'{"orders":[%b],"orders":[]}' % body())

    assert caught.value.code is Code.INVALID_BATCH
    assert [error.field for error in caught.value.errors] == ["orders"]


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("maxSlippageBps", "10001", "must be at most 10000"),
        ("maxSlippageBps", "9" * 5_000, "must be at most 10000"),
        ("maxSlippageBps", "-" + "9" * 5_000, "must be at least 0"),
        ("maxSlippageBps", "1e2", "must be a whole number"),
        ("maxSlippageBps", '"100"', "must be a whole number"),
        ("tokenIn", '"A B"', "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : $ -"),
        ("tokenIn", '"\\ud800"', "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : $ -"),
        ("tokenIn", "1", "must be a string"),
        ("clientOrderId", '""', "must be 1 to 64 visible ASCII characters"),
        ("amountIn", "9" * 5_000, "must have at most 36 digits and 18 decimals"),
        ("amountIn", "1e9999", "must have at most 36 digits and 18 decimals"),
        (
            "expiresAt",
            '"2030-02-30T12:00:00Z"',
            "is not a time: there is no such day, hour, minute or second",
        ),
        (
            "expiresAt",
            '"2030-01-01T24:00:00Z"',
            "is not a time: there is no such day, hour, minute or second",
        ),
    ],
)
def test_each_bound_is_told_in_words_to_whoever_is_beyond_it(
    field: str, written: str, message: str
) -> None:
    assert refusal(body(**{field: written})).errors == [(field, message)]


@given(orders())
def test_no_message_is_in_the_words_of_a_library(order: str) -> None:
    try:
        judged_order(order.encode(errors="surrogatepass"))
    except Problem as problem:
        for error in problem.errors:
            assert not re.search("pattern|[Ii]nput|regex|is not valid|\\^", error.message)


def test_one_wrong_order_of_a_batch_leaves_the_others_alone() -> None:
    good, bad = body(), body(amountIn="0")
    first, second = parse_batch(b'{"orders":[%b,%b]}' % (good, bad))

    assert first == parse_order(good)
    assert isinstance(second, Problem)
