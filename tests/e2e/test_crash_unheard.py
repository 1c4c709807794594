"""Router and executor are killed between any two messages, while sends or answers are lost.

A file of its own, so that two workers share what takes longest.
"""

from __future__ import annotations

import pytest

from tests.support.crashing import NO_ANSWER, NOTHING_ARRIVES, wrong_after_crashes


@pytest.mark.parametrize(
    ("service", "scenario"),
    [("executor", NO_ANSWER), ("router", NOTHING_ARRIVES), ("executor", NOTHING_ARRIVES)],
)
async def test_an_order_ends_right_though_what_was_sent_is_lost(
    redis_url: str, database_url: str, service: str, scenario: str
) -> None:
    assert await wrong_after_crashes(redis_url, database_url, service, scenario) == {}
