"""Whether the promises were kept. Pure: what clients saw against what the servers hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cli.check import Check
from cli.demo.journey import Journey


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read back, by order id.

    `swaps`: the signatures that the ledger says landed. `archived`: (version, type) of every
    event in Postgres. `closed`: the orders whose row in Postgres has an end.
    """

    swaps: Mapping[str, Sequence[str]]
    archived: Mapping[str, Sequence[tuple[int, str]]]
    closed: frozenset[str]


def check(journeys: Sequence[Journey], evidence: Evidence, *, all_confirmed: bool) -> list[Check]:
    """Return every claim with the orders that break it.

    `all_confirmed` is False where venues are told to fail, so that an order may too.
    """

    def every(claim: str, holds: Callable[[Journey], bool]) -> Check:
        return Check(claim, [j.order_id or j.problem for j in journeys if not holds(j)])

    checks = [
        every("every order was accepted", lambda j: j.accepted_at is not None),
        every("every client saw its order's one end", _one_end),
        every("every client saw versions 1, 2, 3 ... without a hole or a repeat", _gapless),
        every("Postgres holds the very history that the client saw", lambda j: _kept(j, evidence)),
        every("every order is closed in Postgres", lambda j: j.order_id in evidence.closed),
        every(_SWAPS[all_confirmed], lambda j: _swapped_once(j, evidence)),
    ]
    if all_confirmed:
        checks.insert(2, every("every order is confirmed", lambda j: j.status == "confirmed"))
    return checks


_SWAPS = {
    True: "every order was swapped exactly once",
    False: "every confirmed order was swapped exactly once, and no other",
}


def _one_end(journey: Journey) -> bool:
    ends = [u for u in journey.updates if u.type in _END_TYPES]
    return journey.ended and len(ends) == 1


_END_TYPES = frozenset({"OrderConfirmed", "OrderFailed", "OrderCancelled", "OrderExpired"})


def _gapless(journey: Journey) -> bool:
    versions = [update.version for update in journey.updates]
    return versions == list(range(1, len(versions) + 1)) and bool(versions)


def _kept(journey: Journey, evidence: Evidence) -> bool:
    seen = [(update.version, update.type) for update in journey.updates]
    return list(evidence.archived.get(journey.order_id, ())) == seen


def _swapped_once(journey: Journey, evidence: Evidence) -> bool:
    swaps = list(evidence.swaps.get(journey.order_id, ()))
    confirmed = journey.end is not None and journey.status == "confirmed"
    return swaps == ([journey.end.signature] if confirmed and journey.end else [])
