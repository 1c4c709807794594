"""Router and executor are killed between any two messages, while all that is sent arrives."""

from __future__ import annotations

import pytest

from tests.support.crashing import QUIET, SILENT, wrong_after_crashes


@pytest.mark.parametrize(
    ("service", "scenario"), [("router", QUIET), ("executor", QUIET), ("executor", SILENT)]
)
async def test_an_order_ends_right_wherever_its_service_is_killed(
    redis_url: str, database_url: str, service: str, scenario: str
) -> None:
    assert await wrong_after_crashes(redis_url, database_url, service, scenario) == {}
