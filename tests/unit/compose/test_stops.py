"""How ends of containers are told from each other."""

from __future__ import annotations

import json

import pytest

from tests.compose.stops import Event, Stop, event_of, faults, stops_in


def event(
    what: str, at_s: float, detail: str = "", container: str = "a", service: str = "router"
) -> Event:
    return Event(what, container, service, at_s, detail)


def faults_of(*events: Event) -> list[str]:
    return list(faults(stops_in(events), {"router": 15.0}))


def test_a_stop_lasts_from_its_first_signal_to_the_end() -> None:
    told = [event("kill", 10.0, "15"), event("kill", 11.0, "15"), event("die", 12.5, "0")]

    assert list(stops_in(told)) == [Stop(service="router", seconds=2.5, killed=False, code=0)]


def test_a_stop_within_its_grace_period_is_no_fault() -> None:
    assert faults_of(event("kill", 10.0, "15"), event("die", 24.9, "0")) == []


@pytest.mark.parametrize(
    "told",
    [
        [event("die", 1.0, "0")],
        [event("kill", 1.0, "15"), event("kill", 2.0, "9"), event("die", 2.1, "137")],
        [event("kill", 1.0, "15"), event("die", 16.0, "0")],
        [event("kill", 1.0, "15"), event("die", 2.0, "1")],
        [event("kill", 1.0, "15"), event("die", 2.0, "0", container="another")],
    ],
    ids=["by itself", "by force", "too slow", "with an error", "not the one that was asked"],
)
def test_any_other_end_is_a_fault(told: list[Event]) -> None:
    assert len(faults_of(*told)) == 1


@pytest.mark.parametrize(("code", "found"), [("0", 0), ("1", 1)])
def test_a_service_of_one_shot_may_end_by_itself_and_well(code: str, found: int) -> None:
    assert len(faults_of(event("die", 1.0, code, service="wallet"))) == found


def test_a_container_that_starts_again_can_be_stopped_again() -> None:
    once = [event("kill", 1.0, "15"), event("die", 2.0, "0")]
    again = [event("kill", 50.0, "15"), event("die", 51.0, "0")]

    assert [stop.seconds for stop in stops_in([*once, *again])] == [1.0, 1.0]


def test_what_docker_tells_is_read() -> None:
    line = json.dumps(
        {
            "Action": "kill",
            "Actor": {
                "ID": "0f",
                "Attributes": {"com.docker.compose.service": "gateway", "signal": "15"},
            },
            "timeNano": 1_500_000_000,
        }
    )

    assert event_of(line) == Event("kill", "0f", "gateway", 1.5, "15")
