"""GET /api/wallets, on a development chain and without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from solders.keypair import Keypair

from devchain.genesis import accounts
from services.gateway.access.api_keys import line_for, new_key
from slipstream import AsyncClient
from tests.support.devchain import SOL, Desk, born
from tests.support.gateway import Gateway, gateway_settings, running_gateway

USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
WRAPPED = "So11111111111111111111111111111111111111112"
MAIN, DESK = Keypair().pubkey(), Keypair().pubkey()
ADMIN, ALICE, CAROL = new_key(), new_key(), new_key()
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def others(tmp_path: Path) -> dict[str, Any]:
    """Return settings of a gateway with wallets for everybody but Carol."""
    wallets, keys = tmp_path / "wallets.toml", tmp_path / "keys.jsonl"
    wallets.write_text(
        f'[main]\naddress = "{MAIN}"\naccounts = ["bob"]\n'
        f'[desk]\naddress = "{DESK}"\naccounts = ["alice", "dave"]\n'
    )
    lines = ((ADMIN, "boss", "admin"), (ALICE, "alice", "read"), (CAROL, "carol", "trade"))
    keys.write_text("\n".join(line_for(*line, "") for line in lines))
    return {
        "chain": "devchain",
        "wallets_file": str(wallets),
        "api_keys_file": str(keys),
        "quote_tick_ms": 600_000,
    }


@pytest_asyncio.fixture
async def gateway(
    redis_url: str, namespace: str, tmp_path: Path, others: dict[str, Any]
) -> AsyncIterator[Gateway]:
    with Desk(tmp_path / "chain", genesis=born(accounts())) as desk:
        desk.ask("requestAirdrop", str(DESK), 5 * SOL)
        desk.ask("devchain_airdropTokens", str(DESK), USDC, 12_500_000)
        desk.step()
        async with desk.served() as [door]:
            settings = gateway_settings(redis_url, namespace, rpc_urls=f"http://{door}", **others)
            async with running_gateway(settings) as running:
                yield running


async def asked(gateway: Gateway, key: str) -> Any:
    answer = await gateway.http.get("/api/wallets", headers={"X-API-Key": key})
    assert answer.status_code == 200, answer.text
    return answer.json()


def reads() -> float:
    name = "slipstream_rpc_request_duration_seconds_count"
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name and sample.labels["method"] == "getMultipleAccounts"
    )


async def test_an_admin_sees_every_wallet_with_its_balances(gateway: Gateway) -> None:
    shown = await asked(gateway, ADMIN)

    main, desk = shown["wallets"]
    assert shown["chain"] == "devchain"
    assert (main["name"], main["accounts"], main["balances"]) == ("main", ["bob"], [])
    assert (desk["address"], desk["accounts"]) == (str(DESK), ["alice", "dave"])
    assert desk["slot"] > 0
    assert desk["balances"] == [
        {"token": "SOL", "mint": WRAPPED, "amount": "5.000000000"},
        {"token": "USDC", "mint": USDC, "amount": "12.500000"},
    ]


async def test_others_see_the_wallet_of_their_own_account_and_nobody_elses_name(
    gateway: Gateway,
) -> None:
    [desk] = (await asked(gateway, ALICE))["wallets"]

    assert (desk["name"], desk["accounts"]) == ("desk", ["alice"])
    assert (await asked(gateway, CAROL))["wallets"] == []


async def test_who_asks_again_within_a_tick_costs_the_chain_nothing(gateway: Gateway) -> None:
    first = await asked(gateway, ADMIN)
    before = reads()

    assert [await asked(gateway, ADMIN) for _ in range(3)] == [first] * 3
    assert reads() == before


async def test_the_typed_client_reads_wallets(gateway: Gateway) -> None:
    async with AsyncClient(f"http://{gateway.address}", api_key=ALICE) as client:
        [desk] = (await client.wallets()).wallets

    assert {one.token: one.amount for one in desk.balances} == {"SOL": 5, "USDC": 12.5}


async def test_readiness_names_the_chain_and_tells_that_nodes_answer(gateway: Gateway) -> None:
    await asked(gateway, ADMIN)
    said = (await gateway.http.get("/health/ready")).json()

    assert (said["chain"], said["nodes"]) == ("devchain", "up")


async def test_without_a_node_wallets_are_unavailable_and_orders_are_taken(
    redis_url: str, namespace: str, others: dict[str, Any]
) -> None:
    settings = gateway_settings(redis_url, namespace, rpc_urls=NOWHERE, **others)
    async with running_gateway(settings) as gateway:
        answer = await gateway.http.get("/api/wallets", headers={"X-API-Key": ADMIN})
        ready = await gateway.http.get("/health/ready")

    assert (answer.status_code, answer.json()["code"]) == (503, "WALLETS_UNAVAILABLE")
    assert "127.0.0.1:1" not in answer.text
    assert (ready.status_code, ready.json()["nodes"]) == (200, "down")
    assert ready.json()["status"] == "degraded"


async def test_the_simulated_chain_has_no_wallets(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        shown = (await gateway.http.get("/api/wallets")).json()
        ready = (await gateway.http.get("/health/ready")).json()

    assert shown == {"chain": "simulated", "wallets": []}
    assert ready["chain"] == "simulated"
    assert "nodes" not in ready
