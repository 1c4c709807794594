"""An order told to people. The sentences may change; programs read the figures."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from slipstream.model import Model


class NextStep(Model, frozen=True, kw_only=True):
    """The next thing that happens to an order, `at` that time or by then; at once if it is None."""

    what: str
    because: str
    at: datetime | None = None


class Action(Model, frozen=True, kw_only=True):
    """A request that would change an order, and its effect in a sentence."""

    name: str
    method: str
    href: str
    effect: str


class ChosenRoute(Model, frozen=True, kw_only=True):
    """The route that was chosen last, and why.

    `margin_bps` is by how many bps its net amount was above that of `runner_up`, the venue of the
    second best quote.
    """

    venue: str
    amount_out: Decimal
    net_out: Decimal
    min_out: Decimal
    why: str
    margin_bps: Decimal | None = None
    runner_up: str | None = None
