"""What a route, an answer of the chain, and silence mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.decide import (
    InFlight,
    exhausted,
    gone,
    in_flight,
    judge,
    judge_all,
    next_question_ms,
    rejected,
    too_late_to_sign,
    unresolved,
)
from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    RouteExpired,
    TransactionExpired,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.order import evolve, replay
from shared.orders.states import IN_FLIGHT, State
from shared.orders.values import CHAIN_ANSWERS, FailureReason, Receipt
from shared.venues.protocol import (
    Answer,
    BuildFailed,
    Expired,
    Failed,
    InsufficientFunds,
    Landed,
    Pending,
    RouteGone,
    Unknown,
    VenueRejected,
)
from tests.support.builders import NOON, SOON, a_quote, a_route, an_intent, submitted
from tests.support.walks import path_to

SWAP = InFlight(venue="raydium", signature="5sig", attempt=2)
LATER = NOON + timedelta(seconds=1)


def routed(*, deadline: datetime | None = None) -> OrderRouted:
    """Return an order whose quote lasts until `SOON`."""
    return OrderRouted(
        **submitted().next(NOON),
        intent=an_intent(expires_at=deadline),
        route=a_route(),
        quotes=(a_quote(),),
        refusals=(),
        attempt=2,
    )


@pytest.mark.parametrize(
    ("deadline", "now", "kind"),
    [
        (None, SOON - timedelta(microseconds=1), None),
        (None, SOON, RouteExpired),
        (LATER, LATER - timedelta(microseconds=1), None),
        (LATER, LATER, OrderExpired),
        (LATER, SOON, OrderExpired),  # Both are over: quoting again would be in vain.
    ],
)
def test_a_stale_quote_or_order_is_not_signed(
    deadline: datetime | None, now: datetime, kind: type[OrderEvent] | None
) -> None:
    end = too_late_to_sign(routed(deadline=deadline), now)

    assert (type(end) if end else None) is kind


def test_a_stale_route_tells_whose_quote_it_was_and_when_it_ended() -> None:
    event = routed()

    assert too_late_to_sign(event, SOON) == RouteExpired(
        **event.next(SOON), venue="raydium", expired_at=SOON, attempt=2
    )


@pytest.mark.parametrize(
    ("why", "failed"), [(RouteGone("50 now"), False), (BuildFailed("no"), True)]
)
def test_a_route_that_its_venue_did_not_build_says_why(why: RouteGone, failed: bool) -> None:
    event = gone(routed(), LATER, LATER, why)

    assert (event.why, event.failed) == (str(why), failed)


def test_a_landed_swap_confirms_with_what_it_really_paid() -> None:
    receipt = Receipt(amount_in=Decimal("1.5"), amount_out=Decimal("224.4"))
    trigger = submitted()

    assert judge(trigger, SWAP, Landed(receipt), LATER) == OrderConfirmed(
        **trigger.next(LATER),
        venue="raydium",
        signature="5sig",
        receipt=receipt,
        price=Decimal("149.6"),
    )


@pytest.mark.parametrize("reason", sorted(CHAIN_ANSWERS))
def test_a_swap_that_failed_on_chain_fails_in_the_chains_words(reason: FailureReason) -> None:
    end = judge(submitted(), SWAP, Failed(reason, "the program aborted"), LATER)

    assert isinstance(end, OrderFailed)
    assert (end.reason, end.detail, end.attempts) == (reason, "the program aborted", 2)


@pytest.mark.parametrize("answer", [Pending(), Unknown()])
def test_what_decides_nothing_ends_nothing(answer: Answer) -> None:
    assert judge(submitted(), SWAP, answer, LATER) is None


def test_a_proof_of_expiry_is_kept_with_the_attempt_it_is_about() -> None:
    trigger = submitted()

    assert judge(trigger, SWAP, Expired("past its height"), LATER) == TransactionExpired(
        **trigger.next(LATER), signature="5sig", proof="past its height", attempt=2
    )


EARLIER = InFlight(venue="meteora", signature="4sig", attempt=1)
RECEIPT = Receipt(amount_in=Decimal(1), amount_out=Decimal(2))


@pytest.mark.parametrize(
    ("earlier", "last", "kind"),
    [
        (Expired(""), Unknown(), None),
        (Expired(""), Expired(""), TransactionExpired),
        (Unknown(), Expired(""), TransactionExpired),  # Its proof is on the log.
        (Pending(), Expired(""), None),
        (Pending(), Landed(RECEIPT), OrderConfirmed),
        (Landed(RECEIPT), Unknown(), OrderConfirmed),
        (Landed(RECEIPT), Expired(""), OrderConfirmed),
        (Pending(), Failed(FailureReason.SLIPPAGE_EXCEEDED, ""), None),
        (Expired(""), Failed(FailureReason.SLIPPAGE_EXCEEDED, ""), OrderFailed),
        (Landed(RECEIPT), Failed(FailureReason.SLIPPAGE_EXCEEDED, ""), OrderConfirmed),
    ],
)
def test_no_attempt_is_expired_or_has_failed_while_an_earlier_one_may_land_or_has(
    earlier: Answer, last: Answer, kind: type[OrderEvent] | None
) -> None:
    end = judge_all(submitted(), [(EARLIER, earlier), (SWAP, last)], LATER)

    assert (type(end) if end else None) is kind
    if isinstance(end, OrderConfirmed):
        swapped = EARLIER if isinstance(earlier, Landed) else SWAP
        assert (end.venue, end.signature) == (swapped.venue, swapped.signature)


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
@pytest.mark.parametrize(
    "answer",
    [
        Landed(Receipt(amount_in=Decimal(1), amount_out=Decimal(2))),
        *(Failed(reason, "") for reason in sorted(CHAIN_ANSWERS)),
    ],
)
def test_every_answer_of_the_chain_may_end_an_order_in_flight(state: State, answer: Answer) -> None:
    history = path_to(state)
    end = judge(history[-1], SWAP, answer, LATER)

    assert end is not None
    assert evolve(replay(history), end).ended


def test_a_route_that_could_not_be_signed_fails_with_the_number_of_its_attempt() -> None:
    why_not = [
        rejected(routed(), VenueRejected("no such pool"), LATER),
        rejected(routed(), InsufficientFunds("1 SOL is missing"), LATER),
        exhausted(routed(), "timeout", LATER),
    ]

    assert [(end.reason, end.detail, end.attempts) for end in why_not] == [
        (FailureReason.VENUE_REJECTED, "raydium: no such pool", 2),
        (FailureReason.INSUFFICIENT_FUNDS, "raydium: 1 SOL is missing", 2),
        (FailureReason.RETRIES_EXHAUSTED, "timeout", 2),
    ]


def test_silence_is_unresolved_and_names_what_to_ask_about() -> None:
    event = unresolved(submitted(), SWAP, "no answer", LATER)

    assert (event.venue, event.signature, event.detail) == ("raydium", "5sig", "no answer")


def test_signed_and_sent_tell_the_same_of_what_is_in_flight() -> None:
    [*_, signed, sent] = path_to(State.SENT)

    assert isinstance(signed, TransactionSigned)
    assert isinstance(sent, TransactionSent)
    assert in_flight(signed) == in_flight(sent)


@pytest.mark.parametrize(
    ("waiting_ms", "wait_ms"),
    [(0, 1_000), (1_999, 1_000), (2_500, 1_250), (60_000, 30_000), (1_000_000, 60_000)],
)
def test_the_chain_is_asked_again_after_half_as_long_as_it_was_waited_for(
    waiting_ms: int, wait_ms: int
) -> None:
    assert next_question_ms(timedelta(milliseconds=waiting_ms), 1_000, 60_000) == wait_ms


@given(st.timedeltas(), st.integers(1, 10_000), st.integers(0, 100_000))
def test_the_next_question_is_never_sooner_nor_later_than_the_settings_say(
    waiting: timedelta, first_ms: int, more_ms: int
) -> None:
    cap_ms = first_ms + more_ms

    assert first_ms <= next_question_ms(waiting, first_ms, cap_ms) <= cap_ms
