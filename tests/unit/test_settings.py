"""Settings that contradict each other are refused at the start, in one line."""

from __future__ import annotations

import pytest

from shared.settings import GatewaySettings, InvalidSettings

SERVERS = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://127.0.0.1:1/nobody"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ACCEPT_DEADLINE_MS": "600001"}, "ACCEPT_DEADLINE_MS"),
        ({"IDEMPOTENCY_TTL_S": "3600"}, "IDEMPOTENCY_TTL_S"),
        ({"CHAIN_RETENTION_S": "60", "CHAIN_VALID_BLOCKS": "150"}, "CHAIN_RETENTION_S"),
        ({"VENUE_SWAP_MS_MIN": "2", "VENUE_SWAP_MS_MAX": "1"}, "VENUE_SWAP_MS_MAX"),
        ({"REPLICAS_ACK": "1", "REPLICAS_ACK_MS": "5000"}, "REPLICAS_ACK_MS"),
        ({"PRIORITY_PERCENTILE": "0"}, "PRIORITY_PERCENTILE"),
    ],
)
def test_settings_that_could_break_a_promise_are_refused_in_one_line(
    given: dict[str, str], named: str
) -> None:
    with pytest.raises(InvalidSettings, match=named) as refused:
        GatewaySettings.from_env(SERVERS | given)

    assert "\n" not in str(refused.value)
