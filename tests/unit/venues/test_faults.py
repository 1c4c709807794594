"""Faults on demand: how the setting reads, and how often they strike."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.settings import InvalidSettings
from shared.venues.chance import Chance
from shared.venues.faults import Fault, Faults, parse_faults, rates_of
from shared.venues.protocol import VenueRejected, VenueUnavailable, VenueUnreachable

HALF = Decimal("0.5")


def the_faults(rate: Decimal, *faults: Fault, seed: str = "tests") -> Faults:
    return Faults(dict.fromkeys(faults, rate), Chance(seed, "raydium"))


def test_no_setting_means_no_faults() -> None:
    assert parse_faults("") == {}


def test_each_venue_has_its_own_rates() -> None:
    text = "raydium.quote_error=0.1, meteora.never_lands = 0.01,raydium.send_error=1"

    assert parse_faults(text) == {
        "raydium": {Fault.QUOTE_ERROR: Decimal("0.1"), Fault.SEND_ERROR: Decimal(1)},
        "meteora": {Fault.NEVER_LANDS: Decimal("0.01")},
    }


def test_a_star_is_every_venue_and_a_name_goes_before_it() -> None:
    faults = parse_faults("raydium.quote_error=0,*.quote_error=0.5,*.lands_late=1")

    assert rates_of("raydium", faults) == {Fault.QUOTE_ERROR: 0, Fault.LANDS_LATE: 1}
    assert rates_of("meteora", faults) == {Fault.QUOTE_ERROR: HALF, Fault.LANDS_LATE: 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("raydium", "'raydium' is not venue.fault=probability"),
        ("raydium.quote_error", "'raydium.quote_error' is not venue.fault=probability"),
        ("quote_error=0.1", "'quote_error=0.1' is not venue.fault=probability"),
        (".quote_error=0.1", "'.quote_error=0.1' is not venue.fault=probability"),
        ("raydium.quote_eror=0.1", "'raydium.quote_eror=0.1' names no fault; there are unreach"),
        ("raydium.quote_error=often", "'raydium.quote_error=often' has no probability from 0 to 1"),
        ("raydium.quote_error=1.5", "'raydium.quote_error=1.5' has no probability from 0 to 1"),
        ("raydium.quote_error=-1", "'raydium.quote_error=-1' has no probability from 0 to 1"),
        ("raydium.quote_error=nan", "'raydium.quote_error=nan' has no probability from 0 to 1"),
        ("*.lands_late=1,meteora.oops=1", "'meteora.oops=1' names no fault"),
    ],
)
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        parse_faults(text)

    assert str(error.value).startswith(f"VENUE_FAULTS: {complaint}")


def test_a_sure_fault_always_strikes_and_another_never() -> None:
    faults = the_faults(Decimal(1), Fault.LANDS_LATE)

    assert all(faults.strikes(Fault.LANDS_LATE) for _ in range(100))
    assert not any(faults.strikes(Fault.NEVER_LANDS) for _ in range(100))


def test_a_rate_of_zero_never_strikes() -> None:
    faults = the_faults(Decimal(0), Fault.LANDS_LATE)

    assert not any(faults.strikes(Fault.LANDS_LATE) for _ in range(100))


@pytest.mark.parametrize("seed", ["tests", ""])
def test_a_fault_strikes_as_often_as_its_rate_says(seed: str) -> None:
    faults = the_faults(HALF, Fault.QUOTE_ERROR, seed=seed)

    struck = sum(faults.strikes(Fault.QUOTE_ERROR) for _ in range(4_000))

    assert 1_800 < struck < 2_200  # Six standard deviations either way.


def test_the_same_seed_strikes_at_the_same_calls() -> None:
    one, other = (the_faults(HALF, Fault.QUOTE_ERROR) for _ in range(2))

    assert [one.strikes(Fault.QUOTE_ERROR) for _ in range(100)] == [
        other.strikes(Fault.QUOTE_ERROR) for _ in range(100)
    ]


@pytest.mark.parametrize(
    ("fault", "news"),
    [
        (Fault.UNREACHABLE, VenueUnreachable),
        (Fault.QUOTE_ERROR, VenueUnavailable),
        (Fault.QUOTE_REJECTED, VenueRejected),
        (Fault.BUILD_REJECTED, VenueRejected),
        (Fault.SEND_ERROR, VenueUnavailable),
        (Fault.SEND_LOST_REPLY, VenueUnavailable),
    ],
)
def test_a_fault_brings_its_kind_of_news(fault: Fault, news: type[Exception]) -> None:
    with pytest.raises(news, match=f"simulated {fault}"):
        the_faults(Decimal(1), fault).provoke(fault)


def test_no_fault_brings_no_news() -> None:
    the_faults(Decimal(1), Fault.LANDS_LATE).provoke(Fault.QUOTE_ERROR, Fault.UNREACHABLE)
