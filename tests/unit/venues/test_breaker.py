"""When a venue is passed over, and when it is tried again."""

from __future__ import annotations

from shared.venues.health.breaker import IN_A_ROW, Breaker, State


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(IN_A_ROW):
        breaker.failed("500", now)
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_why() -> None:
    breaker = Breaker()
    states = []
    for _ in range(IN_A_ROW):
        breaker.failed("500", 0)
        states.append(breaker.state)

    assert states == [State.UP] * (IN_A_ROW - 1) + [State.OPEN]
    assert breaker.why == "500"


def test_an_answer_between_failures_is_no_row() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            breaker.failed("500", 0)
        for _ in range(IN_A_ROW):
            breaker.answered(0)

    assert breaker.state is State.UP


def test_it_opens_when_half_of_what_is_asked_fails() -> None:
    breaker = Breaker()
    asked = 0
    while breaker.state is State.UP and asked < 200:
        asked += 1
        breaker.answered(0) if asked % 3 == 0 else breaker.failed("500", 0)

    assert breaker.state is State.OPEN
    assert asked >= 20


def test_a_tenth_that_fails_is_lived_with() -> None:
    breaker = Breaker()
    for number in range(1_000):
        breaker.failed("500", 0) if number % 10 == 0 else breaker.answered(0)

    assert breaker.state is State.UP


def test_it_is_tried_once_at_a_time_after_a_pause() -> None:
    breaker = opened(10.0)
    tries = [breaker.tries(at) for at in (10.0, 10.99, 11.0, 11.0, 50.0)]

    assert tries == [False, False, True, False, False]
    assert breaker.state is State.HALF_OPEN


def test_one_answer_closes_it_and_each_failure_makes_the_pause_longer_up_to_a_bound() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        pauses.append(breaker.tried_again_at - now)
        now = breaker.tried_again_at
        assert breaker.tries(now)
        breaker.failed("500", now)
    now = breaker.tried_again_at
    breaker.tries(now)
    breaker.answered(now)

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert (breaker.state, breaker.why) == (State.UP, "")


def test_one_that_opens_again_soon_is_left_alone_for_longer_and_much_later_for_as_long() -> None:
    pauses = []
    for later in (1.0, 100.0):
        breaker = opened()
        breaker.tries(1.0)
        breaker.answered(1.0)
        now = 1.0 + later
        for _ in range(IN_A_ROW):
            breaker.failed("500", now)
        pauses.append(breaker.tried_again_at - now)

    assert pauses == [2, 1]


def test_a_trial_that_did_not_take_place_is_put_off_and_proves_nothing() -> None:
    breaker = opened()
    breaker.tries(1.0)
    breaker.put_off(1.0)

    assert (breaker.state, breaker.tried_again_at) == (State.OPEN, 2.0)


def test_answers_to_what_was_asked_before_it_opened_change_no_pause() -> None:
    breaker = opened()
    for _ in range(100):
        breaker.failed("500", 0.5)

    assert breaker.tried_again_at == 1.0
