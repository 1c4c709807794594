"""Which venues there are, and what happens to a name that is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import InvalidSettings, VenueSettings
from shared.streams.redis.client import Client
from shared.streams.redis.standalone import OneServer
from shared.venues.registry import chosen_venues, open_venues, venue_names

PLUGIN = """
class Orca:
    name = "orca"

def opened(settings, client):
    return Orca()
"""


@pytest.fixture
def client() -> Client:
    return Client(
        OneServer("redis://localhost", timeout_s=1), timeout_s=1
    )  # Opening a venue asks the chain nothing.


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that offers the venue `orca`."""
    (tmp_path / "orca_venue.py").write_text(PLUGIN)
    info = tmp_path / "orca_venue-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orca-venue\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[slipstream.venues]\norca = orca_venue:opened\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("orca_venue", None)


def some_settings(venues: str = "raydium,meteora", faults: str = "") -> VenueSettings:
    return VenueSettings(
        redis_url="redis://nobody", database_url="nobody", venues=venues, venue_faults=faults
    )


def test_raydium_and_meteora_are_there() -> None:
    assert {"meteora", "raydium"} <= set(venue_names())


def test_only_what_is_asked_for_is_opened(client: Client) -> None:
    assert list(open_venues(some_settings(" meteora , raydium "), client)) == ["meteora", "raydium"]
    assert list(open_venues(some_settings("meteora"), client)) == ["meteora"]


@pytest.mark.usefixtures("third_party")
def test_an_installed_package_may_bring_a_venue(client: Client) -> None:
    venues = open_venues(some_settings("raydium,orca"), client)

    assert "orca" in venue_names()
    assert venues["orca"].name == "orca"


@pytest.mark.parametrize(
    ("venues", "faults", "complaint"),
    [
        ("raydium,orca", "", "VENUES: no venue 'orca'; there are "),
        (" , ", "", "VENUES: names none; there are "),
        ("raydium", "meteora.quote_error=1", "VENUE_FAULTS: 'meteora' is not among VENUES"),
        ("raydium", "raydium.oops=1", "VENUE_FAULTS: 'raydium.oops=1' names no fault"),
    ],
)
def test_what_is_wrong_is_named(venues: str, faults: str, complaint: str, client: Client) -> None:
    with pytest.raises(InvalidSettings) as error:
        open_venues(some_settings(venues, faults), client)

    assert str(error.value).startswith(complaint)


def on_devchain(venues: str) -> VenueSettings:
    return VenueSettings(
        redis_url="redis://nobody", database_url="nobody", venues=venues, chain="devchain"
    )


def test_orders_are_split_over_the_pools_of_the_venues_that_are_named() -> None:
    assert list(chosen_venues(on_devchain("raydium"))) == ["raydium", "split"]


def test_nothing_is_split_on_the_simulated_chain() -> None:
    assert list(chosen_venues(some_settings("raydium"))) == ["raydium"]


def test_split_is_no_venue_to_be_named() -> None:
    with pytest.raises(InvalidSettings, match="split joins them by itself"):
        chosen_venues(on_devchain("raydium,split"))


@pytest.mark.parametrize(
    ("others", "needs"),
    [
        ({}, "raydium_api is not asked on simulated: it trades on Solana alone"),
        ({"chain": "devchain"}, "raydium_api is not asked on devchain: set RAYDIUM_API_URL"),
    ],
)
def test_a_venue_behind_http_says_what_it_needs(others: dict[str, str], needs: str) -> None:
    settings = some_settings("raydium_api").model_copy(update=others)

    with pytest.raises(InvalidSettings, match=needs):
        chosen_venues(settings)


def test_a_venue_behind_http_is_there_where_its_url_is() -> None:
    where = {"chain": "devchain", "raydium_api_url": "http://127.0.0.1:1"}
    settings = some_settings("raydium,raydium_api").model_copy(update=where)

    assert {"raydium", "raydium_api"} <= chosen_venues(settings).keys()


def test_a_name_that_is_none_is_told_all_that_there_are() -> None:
    with pytest.raises(InvalidSettings, match=r"there are jupiter, meteora, raydium, raydium_api"):
        chosen_venues(some_settings("orca"))
