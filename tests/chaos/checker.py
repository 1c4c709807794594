"""Find every broken promise in what a run left behind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.chaos import clients, orders
from tests.chaos.records import Record
from tests.chaos.run import Run, Violation, run_of


def services_stay(run: Run) -> Iterator[Violation]:
    """Find services that ended though nobody had told them to."""
    for fell in run.fallen:
        yield Violation("services stay", "", f"{fell.service} ended by itself")


def funds_add_up(run: Run) -> Iterator[Violation]:
    """Find claims of the audit of funds that do not hold."""
    for audited in run.audited:
        for broken in audited.broken:
            yield Violation("funds add up", broken, f"not so: {audited.claim}")


CHECKS = (services_stay, funds_add_up, *orders.CHECKS, *clients.CHECKS)


def violations(records: Iterable[Record]) -> list[Violation]:
    """Return every promise that was broken."""
    run = run_of(records)
    return [violation for check in CHECKS for violation in check(run)]
