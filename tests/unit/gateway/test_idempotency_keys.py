"""The header Idempotency-Key, as clients write it."""

from __future__ import annotations

import pytest

from services.gateway.access.callers import PUBLIC
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.submit import asked_by, key_in


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("q-1", "q-1"),
        ('"q-1"', "q-1"),
        (r'"a\"b\\c"', r'a"b\c'),
        ('q"1"', 'q"1"'),
        ("'q-1'", "'q-1'"),
        (f'"{"x" * 255}"', "x" * 255),
    ],
)
def test_a_key_in_double_quotes_is_what_they_hold(written: str, key: str) -> None:
    assert asked_by(PUBLIC, key_in([written]), []).key == key


@pytest.mark.parametrize(
    "values",
    [
        *([""], ['""'], ['"'], ['"q'], ['"q"1'], ['"q";a=1'], [r'"q\"'], [r'"\q"']),
        *(['"a b"'], ["a b"], ["\u00e9"], ["x" * 256], [f'"{"x" * 256}"'], ["q", "q"]),
    ],
)
def test_what_is_no_one_key_is_refused(values: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        asked_by(PUBLIC, key_in(values), [])

    assert caught.value.code is Code.INVALID_IDEMPOTENCY_KEY
