"""An answer of Raydium's API with numbers that nobody can mean is trouble of the venue."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.venues.protocol import VenueUnavailable
from shared.venues.raydium_api.replies import _atoms, _impact_bps


@pytest.mark.parametrize("said", ["", "-1", "1.5", "0" * 40 + "9" * 100, "0" * 5_000, str(2**64)])
def test_an_amount_that_is_none_is_told(said: str) -> None:
    with pytest.raises(VenueUnavailable, match="whose amounts are none"):
        _atoms(said)


@pytest.mark.parametrize("said", ["NaN", "Infinity", "1e999999", "-1e999999"])
def test_a_price_impact_that_is_none_is_told(said: str) -> None:
    with pytest.raises(VenueUnavailable, match="whose price impact is none"):
        _impact_bps(Decimal(said))


def test_the_most_atoms_and_an_impact_in_percent_are_read() -> None:
    assert _atoms(str(2**64 - 1)) == 2**64 - 1
    assert _impact_bps(Decimal("1.5")) == 150
