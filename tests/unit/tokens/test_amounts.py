"""Amounts in atoms: exact, both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens.amounts import MOST_ATOMS, from_atoms, to_atoms, to_atoms_at_least

every_atom = st.integers(0, MOST_ATOMS)
every_decimals = st.integers(0, 18)


@given(every_atom, every_decimals)
def test_atoms_come_back_as_they_went(atoms: int, decimals: int) -> None:
    amount = from_atoms(atoms, decimals)

    assert amount * 10**decimals == atoms
    assert to_atoms("amountIn", amount, decimals) == atoms
    assert to_atoms_at_least("minOut", amount, decimals) == atoms


@given(st.integers(1, 10**17), st.integers(0, 9))
def test_an_amount_between_two_atoms_is_refused_or_rounded_up(atoms: int, decimals: int) -> None:
    amount = Decimal(f"{atoms * 10 + 1}e-{decimals + 1}")

    with pytest.raises(ValueError, match=f"^amountIn has more than {decimals} decimals$"):
        to_atoms("amountIn", amount, decimals)
    assert to_atoms_at_least("minOut", amount, decimals) == atoms + 1


def test_the_thirtieth_digit_counts() -> None:
    amount = Decimal("1.00000000000000000000000000001")

    with pytest.raises(ValueError, match="has more than 9 decimals"):
        to_atoms("amountIn", amount, 9)
    assert to_atoms_at_least("minOut", amount, 9) == 10**9 + 1


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("-1", "is not from 0 to"),
        ("18446744073.709551616", "is not from 0 to"),
        ("1e999999999999", "is not from 0 to"),
        ("1e-999999999999", "has more than 9 decimals"),
        ("NaN", "is no number"),
        ("Infinity", "is no number"),
    ],
)
def test_no_number_of_atoms_is_an_error_that_names_the_field(amount: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^amountIn {said}"):
        to_atoms("amountIn", Decimal(amount), 9)
