"""Amounts of a token: as orders write them, and in atoms, the whole numbers that a chain counts.

One token is ``10^decimals`` atoms. Nothing is rounded unless its name says so.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_CEILING, Context, Decimal
from typing import Final

MOST_ATOMS: Final = 2**64 - 1

# To move the point by the usual context rounds amounts of more than 28 digits.
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def to_atoms(field: str, amount: Decimal, decimals: int) -> int:
    """Return an amount in atoms. Raises `ValueError`, which begins with `field`.

    An amount has no more decimals than the token, and is from 0 to 2^64 - 1 atoms.
    """
    atoms = _atoms(field, amount, decimals)
    if atoms != atoms.to_integral_value():
        raise ValueError(f"{field} has more than {decimals} decimals")
    return int(atoms)


def to_atoms_at_least(field: str, amount: Decimal, decimals: int) -> int:
    """Return the fewest atoms that are worth `amount`. Raises `ValueError` as `to_atoms` does."""
    return int(_atoms(field, amount, decimals).to_integral_value(ROUND_CEILING))


def from_atoms(atoms: int, decimals: int) -> Decimal:
    """Return atoms as an amount, with as many decimals as the token has."""
    return Decimal(atoms).scaleb(-decimals, _EXACT)


def _atoms(field: str, amount: Decimal, decimals: int) -> Decimal:
    if not amount.is_finite():
        raise ValueError(f"{field} is no number")
    atoms = amount.scaleb(decimals, _EXACT)
    if not 0 <= atoms <= MOST_ATOMS:
        raise ValueError(f"{field} is not from 0 to {MOST_ATOMS} atoms")
    return atoms
