"""Find every broken promise in what a run left behind. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tests.chaos import clients, orders
from tests.chaos.records import Record
from tests.chaos.run import Violation, run_of

CHECKS = (*orders.CHECKS, *clients.CHECKS)


def violations(records: Iterable[Record]) -> list[Violation]:
    """Return every promise that was broken."""
    run = run_of(records)
    return [violation for check in CHECKS for violation in check(run)]
