"""What a busy projector keeps back, and for how long."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import given

from services.projector.hold_unfinished import HoldUnfinished
from shared.streams.consumer.deliveries import Delivery

_MANY, _MOST, _LONGEST_S = 2, 6, 1.5


def a_hold_back() -> HoldUnfinished:
    return HoldUnfinished(many=_MANY, most=_MOST, longest_s=_LONGEST_S)


def entry(
    order_id: str = "a", kind: str = "OrderSubmitted", *, number: int = 1, attempt: int = 1
) -> Delivery:
    return Delivery(
        partition=0,
        entry_id=f"{number}-0",
        order_id=order_id,
        type=kind,
        raw=b"",
        attempt=attempt,
    )


def test_where_few_entries_come_none_is_kept() -> None:
    assert a_hold_back().take([entry()], 0) == [entry()]


def test_where_many_come_those_of_an_order_that_goes_on_are_kept_until_it_ends() -> None:
    hold_back = a_hold_back()
    first, second = entry("a"), entry("b", number=2)
    assert hold_back.take([first, second], 0) == []

    routed, end = entry("a", "OrderRouted", number=3), entry("a", "OrderConfirmed", number=4)
    assert hold_back.take([routed, entry("c", number=5)], 0.1) == []
    assert hold_back.take([end, entry("d", number=6)], 0.2) == [end, first, routed]


def test_an_end_lets_its_order_go_also_where_few_come() -> None:
    hold_back = a_hold_back()
    first, end = entry("a"), entry("a", "OrderFailed", number=9)
    assert hold_back.take([first, entry("b", number=2)], 0) == []

    assert hold_back.take([end], 0.1) == [end, first]


def test_an_entry_is_kept_no_longer_than_its_time_though_nothing_else_comes() -> None:
    hold_back = a_hold_back()
    both = [entry("a"), entry("b", number=2)]
    assert hold_back.take(both, 10) == []

    assert hold_back.take([], 10 + _LONGEST_S - 0.01) == []
    assert hold_back.take([], 10 + _LONGEST_S) == both


def test_what_was_tried_before_is_not_kept() -> None:
    again = entry("a", attempt=2)

    assert a_hold_back().take([again, entry("b", number=2)], 0) == [again]


def test_what_nobody_acts_on_is_not_kept() -> None:
    unknown = entry("a", "OrderPutInAFrame")

    assert a_hold_back().take([unknown, entry("b", number=2)], 0) == [unknown]


def test_where_more_come_than_may_be_kept_those_kept_longest_go() -> None:
    hold_back = a_hold_back()
    entries = [entry(str(number), number=number) for number in range(_MOST + 2)]
    assert hold_back.take(entries[:_MOST], 0) == []

    assert hold_back.take(entries[_MOST:], 0.1) == entries[:2]


def test_with_no_time_to_keep_anything_nothing_is() -> None:
    both = [entry("a"), entry("b", number=2)]

    assert HoldUnfinished(many=_MANY, most=_MOST, longest_s=0).take(both, 0) == both


def test_the_rest_is_what_was_kept_and_is_kept_no_longer() -> None:
    hold_back = a_hold_back()
    both = [entry("a"), entry("b", number=2)]
    hold_back.take(both, 0)

    assert hold_back.rest() == both
    assert hold_back.rest() == []


_KINDS = st.sampled_from(["OrderSubmitted", "OrderRouted", "TransactionSigned", "OrderConfirmed"])
_CAME = st.lists(st.tuples(st.sampled_from("abcd"), _KINDS, st.integers(1, 2)), max_size=8)
# In steps that add up without rounding.
_LATER_S = st.integers(0, 16).map(lambda eighths: eighths / 8)


@given(st.lists(st.tuples(_CAME, _LATER_S), max_size=12))
def test_whatever_comes_each_entry_is_taken_once_in_time_and_few_are_kept(
    rounds: Sequence[tuple[Sequence[tuple[str, str, int]], float]],
) -> None:
    hold_back, now_s, number = a_hold_back(), 0.0, 0
    kept: dict[str, float] = {}
    for some, later_s in rounds:
        now_s += later_s
        came = []
        for order_id, kind, attempt in some:
            number += 1
            came.append(entry(order_id, kind, number=number, attempt=attempt))
        kept |= {delivery.entry_id: now_s for delivery in came}

        for delivery in hold_back.take(came, now_s):
            del kept[delivery.entry_id]

        assert len(kept) <= _MOST
        assert all(now_s - since_s < _LONGEST_S for since_s in kept.values())
    assert {delivery.entry_id for delivery in hold_back.rest()} == kept.keys()
