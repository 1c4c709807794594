"""How a market moves: `MARKET` names one of the scenarios here, or a file of the same shape."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

_FOLDER = Path(__file__).with_name("scenarios")
_Bps = Annotated[int, msgspec.Meta(ge=0, le=5_000)]
_Slots = Annotated[int, msgspec.Meta(ge=1)]


class ScenarioError(ValueError):
    """There is no such scenario, or the file is none; the message says which there are."""


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A market's behaviour. All movements add up; each is off unless a file says otherwise."""

    trades: bool = True
    """False: nobody moves the pools back, and prices stay where orders leave them."""
    spread_bps: _Bps = 0
    """How far each pool strays from the price, by itself."""
    wander_bps: _Bps = 0
    """How far each token's price strays from the first one, by itself."""
    trend_bps: _Bps = 0
    """How far all prices rise, evenly, before they fall again."""
    trend_slots: _Slots = 1
    """How long they rise."""
    gap_bps: Annotated[int, msgspec.Meta(ge=-9_000, le=50_000)] = 0
    """How far all prices jump at once, and back."""
    gap_slots: _Slots = 1
    """How long from jump to jump."""
    bogus_factor: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    """One pool at a time is too dear by this factor, or too cheap."""
    bogus_slots: _Slots = 1
    """How long the next pool's turn is."""


def read_scenario(name: str) -> Scenario:
    """Return a scenario by its name or its file; raises ScenarioError."""
    names = sorted(path.stem for path in _FOLDER.glob("*.toml"))
    path = _FOLDER / f"{name}.toml" if name in names else Path(name)
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), type=Scenario)
    except OSError as error:
        known = ", ".join(names)
        raise ScenarioError(f"MARKET={name} is none of {known}, and no file: {error}") from error
    except ValueError as error:
        raise ScenarioError(f"MARKET={name}: {error}") from error
