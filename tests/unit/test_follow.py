"""A follower sends every event once and in order, whatever the live link does."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.follow import (
    ENDED,
    LEAVING,
    TOO_SLOW,
    Follower,
    Update,
    public_history,
    read_update,
)
from shared.orders.codec import encode
from tests.builders import history

EVENTS = [
    read_update(message)
    for message in public_history([encode(event) for event in history(ending="rerouted")])
]


def sent(follower: Follower) -> list[bytes]:
    """Return what waits to be sent."""
    return list(follower._waiting)


def versions(messages: Sequence[bytes]) -> list[int]:
    return [msgspec.json.decode(message)["version"] for message in messages]


@given(
    st.lists(st.sampled_from(EVENTS), max_size=30),
    st.integers(0, len(EVENTS)),
    st.sets(st.integers(0, 30)),
)
def test_lost_repeated_and_reordered_updates_change_nothing(
    live: list[Update], since: int, heals: set[int]
) -> None:
    follower = Follower("id", since, room=100)
    for i, update in enumerate(live):
        if not follower.feed(update) or i in heals:
            follower.catch_up(EVENTS)
    follower.catch_up(EVENTS)

    assert versions(sent(follower)) == list(range(since + 1, len(EVENTS) + 1))
    assert follower.close_code == ENDED


def test_an_update_that_is_further_on_is_not_sent_before_the_one_that_is_missing() -> None:
    follower = Follower("id", 0, room=100)
    fed = [follower.feed(EVENTS[i]) for i in (0, 2, 1, 2)]

    assert fed == [True, False, True, True]
    assert versions(sent(follower)) == [1, 2, 3]


def test_a_client_that_has_everything_of_an_ended_order_is_told_that_it_ended() -> None:
    follower = Follower("id", len(EVENTS), room=100)
    follower.catch_up(EVENTS)

    assert (sent(follower), follower.close_code) == ([], ENDED)


def test_a_client_ahead_of_the_history_gets_only_what_is_new_to_it() -> None:
    follower = Follower("id", 3, room=100)
    follower.catch_up(EVENTS[:2])
    follower.feed(EVENTS[2])
    follower.feed(EVENTS[3])

    assert versions(sent(follower)) == [4]


def test_a_long_history_is_no_reason_to_call_a_client_slow() -> None:
    follower = Follower("id", 0, room=1)
    follower.catch_up(EVENTS)

    assert versions(sent(follower)) == list(range(1, len(EVENTS) + 1))
    assert follower.close_code == ENDED


def test_a_client_that_does_not_read_is_given_up_with_what_waits_for_it() -> None:
    follower = Follower("id", 0, room=2)
    for update in EVENTS[:4]:
        follower.feed(update)

    assert (sent(follower), follower.close_code) == ([], TOO_SLOW)


def test_the_first_reason_to_close_stands() -> None:
    follower = Follower("id", 0, room=2)
    follower.close(LEAVING)
    follower.drop(TOO_SLOW)

    assert follower.close_code == LEAVING
