"""A follower sends every event once and in order, whatever the live link does."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.following.outbox import ENDED, LEAVING, TOO_SLOW, Outbox
from services.gateway.following.position import FollowPosition, Update, updates_in
from shared.orders.codec import encode
from tests.support.builders import history

EVENTS = updates_in([encode(event) for event in history(ending="rerouted")])


def place_at(since: int, room: int = 100) -> FollowPosition:
    return FollowPosition("id", since, Outbox(room))


def sent(place: FollowPosition) -> list[bytes]:
    """Return what waits to be sent."""
    return list(place.outbox._waiting)


def versions(messages: Sequence[bytes]) -> list[int]:
    return [msgspec.json.decode(message)["version"] for message in messages]


@given(
    st.lists(st.sampled_from(EVENTS), max_size=30),
    st.integers(0, len(EVENTS)),
    st.integers(0, 30),
    st.integers(1, len(EVENTS)),
    st.sets(st.integers(0, 30)),
)
def test_lost_repeated_and_reordered_updates_change_nothing(
    live: list[Update], since: int, admitted_at: int, known: int, heals: set[int]
) -> None:
    place = place_at(since)
    for i, update in enumerate(live):
        if i == admitted_at and not place.admit(EVENTS[:known]):
            place.heal(EVENTS)
        if not place.feed(update) or i in heals:
            place.heal(EVENTS)
    if not place.admitted:
        place.admit(EVENTS)
    place.heal(EVENTS)

    assert versions(sent(place)) == list(range(since + 1, len(EVENTS) + 1))
    assert place.outbox.close_code == ENDED


def test_an_update_that_is_further_on_is_not_sent_before_the_one_that_is_missing() -> None:
    place = place_at(0)
    place.admit(EVENTS[:1])
    fed = [place.feed(EVENTS[i]) for i in (0, 2, 1, 2)]

    assert fed == [True, False, True, True]
    assert versions(sent(place)) == [1, 2, 3]


def test_nothing_is_sent_to_a_client_that_is_not_admitted_yet() -> None:
    place = place_at(0)
    place.feed(EVENTS[0])
    place.heal(EVENTS)

    assert sent(place) == []


def test_what_happened_while_a_client_was_let_in_is_known_to_be_missing() -> None:
    place = place_at(0)
    place.feed(EVENTS[2])

    assert not place.admit(EVENTS[:2])
    assert versions(sent(place)) == [1, 2]


def test_a_client_that_has_everything_of_an_ended_order_is_told_that_it_ended() -> None:
    place = place_at(len(EVENTS))
    place.admit(EVENTS)

    assert (sent(place), place.outbox.close_code) == ([], ENDED)


def test_a_client_ahead_of_the_history_gets_only_what_is_new_to_it() -> None:
    place = place_at(3)
    place.admit(EVENTS[:2])
    place.feed(EVENTS[2])
    place.feed(EVENTS[3])

    assert versions(sent(place)) == [4]


def test_a_long_history_is_no_reason_to_call_a_client_slow() -> None:
    place = place_at(0, room=1)
    place.admit(EVENTS[:-1])
    place.feed(EVENTS[-1])

    assert versions(sent(place)) == list(range(1, len(EVENTS) + 1))
    assert place.outbox.close_code == ENDED


def test_a_client_that_does_not_read_is_given_up_with_what_waits_for_it() -> None:
    place = place_at(1, room=2)
    place.admit(EVENTS[:1])
    for update in EVENTS[1:4]:
        place.feed(update)

    assert (sent(place), place.outbox.close_code) == ([], TOO_SLOW)


async def test_answers_that_were_sent_leave_no_room_for_more_news_than_before() -> None:
    place = place_at(0, room=1)
    place.admit(EVENTS[:3])
    for _ in range(3):
        await place.outbox.next()
    place.feed(EVENTS[3])
    place.feed(EVENTS[4])

    assert place.outbox.close_code == TOO_SLOW


def test_the_first_reason_to_close_stands() -> None:
    outbox = Outbox(room=2)
    outbox.close(LEAVING)
    outbox.drop(TOO_SLOW)

    assert outbox.close_code == LEAVING
