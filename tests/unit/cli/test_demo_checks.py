"""Every check of the demo can fail, and fails for the right order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.demo.checks import Evidence, check
from cli.demo.figures import as_json, figures
from cli.demo.journey import Journey
from slipstream import Event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEPS = (
    ("OrderSubmitted", "pending", 0),
    ("RoutingStarted", "routing", 10),
    ("OrderRouted", "building", 210),
    ("TransactionSigned", "building", 220),
    ("TransactionSent", "submitted", 230),
    ("OrderConfirmed", "confirmed", 2_230),
)


def journey(order_id: str = "a", steps: tuple[tuple[str, str, int], ...] = STEPS) -> Journey:
    updates = [
        Event(
            order_id=order_id,
            type=kind,
            status=status,
            version=version,
            at=NOON + timedelta(milliseconds=ms),
            venue="raydium",
            signature=f"sig-{order_id}",
        )
        for version, (kind, status, ms) in enumerate(steps, start=1)
    ]
    return Journey(
        posted_at=10.0, accepted_at=10.004, ended_at=12.5, order_id=order_id, updates=updates
    )


def failed(order_id: str = "a") -> Journey:
    return journey(order_id, (STEPS[0], ("OrderFailed", "failed", 5)))


def evidence(*journeys: Journey) -> Evidence:
    """Return what servers that keep every promise would hold."""
    return Evidence(
        swaps={j.order_id: [f"sig-{j.order_id}"] for j in journeys if j.status == "confirmed"},
        archived={j.order_id: [(u.version, u.type) for u in j.updates] for j in journeys},
        closed=frozenset(j.order_id for j in journeys),
    )


def broken(
    journeys: list[Journey], held: Evidence, *, all_confirmed: bool = True
) -> dict[str, list[str]]:
    checks = check(journeys, held, all_confirmed=all_confirmed)
    return {one.claim: one.broken for one in checks if not one.holds}


def test_nothing_is_broken_when_every_promise_was_kept() -> None:
    journeys = [journey("a"), journey("b")]

    assert broken(journeys, evidence(*journeys)) == {}


def test_an_order_that_was_refused_is_found() -> None:
    refused = Journey(posted_at=0.0, problem="503")

    assert broken([refused], evidence())["every order was accepted"] == ["503"]


def test_an_order_without_an_end_is_found() -> None:
    unfinished = journey(steps=STEPS[:-1])

    assert "every client saw its order's one end" in broken([unfinished], evidence(unfinished))


def test_an_order_with_two_ends_is_found() -> None:
    twice = journey(steps=(*STEPS, ("OrderFailed", "failed", 2_300)))

    assert "every client saw its order's one end" in broken([twice], evidence(twice))


@pytest.mark.parametrize(
    "versions", [(1, 2, 4, 5, 6), (1, 2, 2, 3, 4, 5, 6), (2, 1, 3, 4, 5, 6), (2,)]
)
def test_a_history_with_a_hole_a_repeat_or_a_swap_is_found(versions: tuple[int, ...]) -> None:
    whole = journey()
    seen = replace(whole, updates=[whole.updates[version - 1] for version in versions])

    claim = "every client saw versions 1, 2, 3 ... without a hole or a repeat"
    assert broken([seen, journey("b")], evidence(whole, journey("b")))[claim] == ["a"]


def test_an_event_that_postgres_lacks_is_found() -> None:
    one = journey()
    held = replace(evidence(one), archived={"a": [(1, "OrderSubmitted")]})

    assert broken([one], held) == {"Postgres holds the very history that the client saw": ["a"]}


def test_an_order_that_postgres_holds_open_is_found() -> None:
    one = journey()

    assert broken([one], replace(evidence(one), closed=frozenset())) == {
        "every order is closed in Postgres": ["a"]
    }


@pytest.mark.parametrize("swaps", [[], ["sig-a", "other"], ["other"]])
def test_an_order_that_was_not_swapped_exactly_once_is_found(swaps: list[str]) -> None:
    one = journey()

    assert broken([one], replace(evidence(one), swaps={"a": swaps})) == {
        "every order was swapped exactly once": ["a"]
    }


def test_a_failed_order_counts_as_broken_only_while_venues_are_well() -> None:
    one = failed()

    assert broken([one], evidence(one))["every order is confirmed"] == ["a"]
    assert broken([one], evidence(one), all_confirmed=False) == {}


def test_a_failed_order_that_was_swapped_is_found() -> None:
    one = failed()
    held = replace(evidence(one), swaps={"a": ["sig-a"]})

    assert broken([one], held, all_confirmed=False) == {
        "every confirmed order was swapped exactly once, and no other": ["a"]
    }


def test_outcomes_and_winners_are_counted() -> None:
    found = figures([journey("a"), journey("b"), failed("c")])

    assert found.outcomes == {"confirmed": 2, "failed": 1}
    assert found.venues == {"raydium": 2}


def test_each_hop_is_measured_between_its_two_events() -> None:
    latency = figures([journey()]).latency_ms

    assert {name: one.p50 for name, one in latency.items()} == {
        "POST to 202": 4.0,
        "submitted to routing": 10.0,
        "routing to routed": 200.0,
        "routed to signed": 10.0,
        "signed to sent": 10.0,
        "sent to confirmed": 2_000.0,
        "POST to confirmed, as the client saw it": 2_500.0,
    }


def test_p99_is_the_slowest_but_one_in_a_hundred() -> None:
    journeys = [replace(journey(str(n)), accepted_at=10 + n / 1_000) for n in range(1, 201)]
    latency = figures(journeys).latency_ms["POST to 202"]

    assert (latency.p50, latency.p99) == (100.0, 198.0)


def test_the_json_result_tells_what_is_broken() -> None:
    one = journey()
    checks = check([one], replace(evidence(one), swaps={}), all_confirmed=True)
    result = as_json(figures([one]), checks, 1.23)

    assert result["ok"] is False
    assert result["orders"] == 1
    assert result["elapsedS"] == 1.2
    assert result["checks"][-1] == {
        "claim": "every order was swapped exactly once",
        "holds": False,
        "broken": ["a"],
    }
