"""What a step that cannot be done is, before anything is done about it."""

from __future__ import annotations

import pytest

from shared.errors import ServerAway
from shared.streams.consumer.attempts import Verdict, judge, judge_missing
from shared.streams.consumer.deliveries import Delivery
from shared.streams.errors import HistoryMissing, LogUnavailable


@pytest.mark.parametrize(
    "away", [ServerAway("a venue"), LogUnavailable("Redis", maybe_applied=True)]
)
def test_a_server_that_is_away_is_waited_for_however_often(away: ServerAway) -> None:
    assert judge(away, attempt=5, most=5) is Verdict.WAIT


def test_a_history_that_is_missing_is_no_attempt() -> None:
    assert judge(HistoryMissing(), attempt=5, most=5) is Verdict.ASK_ARCHIVE


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [(1, Verdict.RETRY), (4, Verdict.RETRY), (5, Verdict.GIVE_UP), (6, Verdict.GIVE_UP)],
)
def test_any_other_failure_is_an_attempt_and_the_last_one_ends_them(
    attempt: int, verdict: Verdict
) -> None:
    assert judge(RuntimeError(), attempt, most=5) is verdict


@pytest.mark.parametrize(
    ("kind", "entry_id", "has_ended", "verdict"),
    [
        ("OrderRouted", "1-0", False, Verdict.WAIT),
        ("OrderRouted", "1-0", True, Verdict.LET_GO),
        ("OrderFailed", "1-0", True, Verdict.RECALL),
        ("OrderFailed", "1-0", False, Verdict.WAIT),
        ("OrderFailed", "", True, Verdict.LEAVE),
        ("OrderSubmitted", "", False, Verdict.WAIT),
    ],
)
def test_only_an_archived_end_that_is_looked_back_at_has_its_history_recalled(
    kind: str, entry_id: str, *, has_ended: bool, verdict: Verdict
) -> None:
    delivery = Delivery(
        partition=0, entry_id=entry_id, order_id="an order", type=kind, raw=b"", attempt=1
    )

    assert judge_missing(delivery, has_ended=has_ended) is verdict
