"""How an order that nobody holds gets back on its way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.executor.repair import Differs, Redeliver, Restore, repair
from shared.orders.codec import MalformedEvent, encode
from shared.orders.dispatch import CONTINUES, LOOKED_BACK_AT
from shared.orders.events import OrderEvent
from shared.orders.order import TRANSITIONS
from shared.orders.states import ENDS
from tests.support.builders import Ending, an_order_id, history


def raw(events: Sequence[OrderEvent]) -> list[bytes]:
    return [encode(event) for event in events]


def a_history(ending: Ending) -> list[bytes]:
    return raw(history(ending=ending))


@pytest.mark.parametrize(
    ("ending", "group"), [("pending", "router"), ("routed", "executor"), ("sent", "executor")]
)
def test_the_last_event_goes_to_the_group_that_continues_it(ending: Ending, group: str) -> None:
    kept = a_history(ending)

    assert repair(kept, kept) == Redeliver(group, kept[-1:])


@pytest.mark.parametrize("archived", [0, 1])
def test_an_archive_that_is_behind_stops_no_order(archived: int) -> None:
    kept = a_history("sent")

    assert repair(kept, kept[:archived]) == Redeliver("executor", kept[-1:])


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize(("ending", "signed"), [("routed", False), ("sent", True)])
def test_what_only_the_archive_has_is_restored(ending: Ending, kept: int, *, signed: bool) -> None:
    archived = a_history(ending)

    assert repair(archived[:kept], archived) == Restore(archived[kept:], signed)


def test_the_lost_end_of_a_history_is_restored() -> None:
    archived = a_history("failed")

    assert repair(archived[:1], archived) == Restore(archived[1:], signed=True)


def test_an_ended_order_that_left_redis_stays_away() -> None:
    assert repair([], a_history("confirmed")) is None


def test_an_order_of_which_nothing_is_left_is_left_alone() -> None:
    assert repair([], []) is None


@pytest.mark.parametrize("archived", [0, 2, 5])
def test_of_an_ended_order_the_archive_gets_what_it_lacks(archived: int) -> None:
    kept = a_history("confirmed")

    assert repair(kept, kept[:archived]) == Redeliver("projector", kept[archived:])


def test_an_ended_order_that_does_not_expire_is_shown_to_the_archive_again() -> None:
    kept = a_history("confirmed")

    assert repair(kept, kept) == Redeliver("projector", kept[-1:])


def test_histories_that_differ_are_left_alone() -> None:
    order_id = an_order_id()
    kept = raw(history(order_id, ending="failed"))
    archived = raw(history(order_id, ending="confirmed"))

    with pytest.raises(Differs):
        repair(kept, archived)


def test_an_event_that_cannot_be_read_is_not_guessed_at() -> None:
    with pytest.raises(MalformedEvent):
        repair([b"{"], [])


def test_no_end_that_is_looked_back_at_has_anybody_who_continues() -> None:
    assert set(CONTINUES).isdisjoint(LOOKED_BACK_AT)


def test_every_event_that_leaves_an_order_open_has_somebody_who_continues() -> None:
    leaves_open = {event for (_, event), state in TRANSITIONS.items() if state not in ENDS}

    assert set(CONTINUES) == leaves_open
