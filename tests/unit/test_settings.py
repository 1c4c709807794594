"""Settings that contradict each other are refused at the start, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.settings import GatewaySettings, InvalidSettings

ON_DEVCHAIN = {"CHAIN": "devchain"}
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
        ({"METEORA_POOLS": "no address"}, "METEORA_POOLS"),
        ({"METEORA_POOLS": ",".join(["1" * 32] * 101)}, "METEORA_POOLS"),
        ({"JUPITER_RATE": "10/day"}, "JUPITER_RATE"),
        ({"RAYDIUM_API_URL": "http://a:b@host"}, "RAYDIUM_API_URL"),
        ({"JUPITER_KEY": "one two"}, "JUPITER_KEY"),
        ({"JUPITER_KEY": "one", "JUPITER_KEY_FILE": "/two"}, "JUPITER_KEY_FILE"),
        ({"JUPITER_KEY_FILE": "/not/there"}, "JUPITER_KEY_FILE"),
        (ON_DEVCHAIN | {"JUPITER_KEY": "k", "JUPITER_URL": "http://10.0.0.1"}, "JUPITER_URL"),
    ],
)
def test_settings_that_could_break_a_promise_are_refused_in_one_line(
    given: dict[str, str], named: str
) -> None:
    with pytest.raises(InvalidSettings, match=named) as refused:
        GatewaySettings.from_env(SERVERS | given)

    assert "\n" not in str(refused.value)


def test_a_key_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "jupiter.key"
    file.write_text("k3y\n")
    from_file = GatewaySettings.from_env(SERVERS | {"JUPITER_KEY_FILE": str(file)})
    given = GatewaySettings.from_env(SERVERS | {"JUPITER_KEY": "k3y"})

    assert from_file.jupiter_api_key == given.jupiter_api_key == "k3y"
    assert "k3y" not in repr(given)


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({}, ""),
        ({"RAYDIUM_API_URL": "http://stub"}, ""),
        (ON_DEVCHAIN, ""),
        (ON_DEVCHAIN | {"RAYDIUM_API_URL": "http://stub"}, "http://stub"),
        ({"CHAIN": "mainnet", "RPC_URLS": "https://a"}, "https://transaction-v1.raydium.io"),
    ],
)
def test_a_public_api_is_asked_on_mainnet_alone_unless_another_is_named(
    given: dict[str, str], at: str
) -> None:
    assert GatewaySettings.from_env(SERVERS | given).raydium_api_at == at
