"""A claim that was checked, as the demo and audits show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cli.console import Say

_SHOWN = 5


class Check(NamedTuple):
    """A claim, and whatever it does not hold for."""

    claim: str
    broken: list[str]

    @property
    def holds(self) -> bool:
        """Return whether it holds for all."""
        return not self.broken


def show(checks: Sequence[Check], say: Say) -> None:
    """Print a line a claim, with the first few that break it."""
    for check in checks:
        say("ok" if check.holds else "broken", f"{check.claim}{_offenders(check)}")


def _offenders(check: Check) -> str:
    if check.holds:
        return ""
    more = f" and {len(check.broken) - _SHOWN} more" if len(check.broken) > _SHOWN else ""
    return f": not {', '.join(check.broken[:_SHOWN])}{more}"
