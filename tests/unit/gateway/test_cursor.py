"""A cursor says in one short text where a follower is, and nothing else is taken for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.streaming.cursor import BadCursor, Cursor

EPOCH = "00ff" * 4
NOW_MS = 1_796_000_000_000
PLACES = st.tuples(st.integers(0, 2**48), st.integers(0, 2**32))


@given(st.lists(PLACES, min_size=1, max_size=40), st.integers(0, 2**48))
def test_a_cursor_comes_back_as_it_was(places: list[tuple[int, int]], at_ms: int) -> None:
    cursor = Cursor(EPOCH, at_ms, tuple(places))

    assert Cursor.decode(cursor.encode(), len(places)) == cursor


def test_a_cursor_of_sixteen_busy_partitions_is_short() -> None:
    cursor = Cursor(EPOCH, NOW_MS, tuple((NOW_MS - 50 * p, p) for p in range(16)))

    assert len(cursor.encode()) < 90


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: _text(b"\1" + raw)))
def test_whatever_else_is_sent_is_refused_or_a_cursor(text: str) -> None:
    try:
        cursor = Cursor.decode(text, 2)
    except BadCursor:
        return
    assert len(cursor.places) == 2


def test_a_cursor_of_another_number_of_partitions_is_refused() -> None:
    with pytest.raises(BadCursor):
        Cursor.decode(Cursor(EPOCH, NOW_MS, ((1, 1), (2, 2))).encode(), 3)


@pytest.mark.parametrize("length", range(12))
def test_a_cursor_that_was_cut_off_is_refused(length: int) -> None:
    text = Cursor(EPOCH, NOW_MS, ((NOW_MS - 900, 300),)).encode()

    with pytest.raises(BadCursor):
        Cursor.decode(text[: -length - 1], 1)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
