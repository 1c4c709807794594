"""Nodes and wallets of a chain as the metrics show them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest
from solders.keypair import Keypair

from devchain.faults import Faults
from shared.process.chain import look_at, service_chain
from shared.settings import MarketSettings
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.opening import opened_chain
from tests.support.devchain import SOL, Desk

WALLET = Keypair().pubkey()
ANOTHER = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"slipstream_{name}", labels)


@asynccontextmanager
async def chain_at(url: str, folder: Path, genesis: str = "") -> AsyncIterator[SolanaChain]:
    file = folder / "wallets.toml"
    file.write_text(f'[payer]\naddress = "{WALLET}"\n')
    settings = MarketSettings(
        redis_url="unused",
        database_url="unused",
        chain="devchain",
        rpc_urls=url,
        wallets_file=str(file),
        genesis_hash=genesis,
        quote_tick_ms=0,
    )
    async with opened_chain(settings) as chain:
        assert chain
        yield chain


async def test_a_look_notes_how_far_a_node_is_and_what_a_wallet_has(tmp_path: Path) -> None:
    with Desk(tmp_path / "chain") as desk:
        desk.ask("requestAirdrop", str(WALLET), 3 * SOL // 2)
        desk.step(50)
        async with desk.served() as [door], chain_at(f"http://{door}", tmp_path) as chain:
            await look_at(chain)
            [node] = chain.nodes.all

    confirmed, final = (
        value("rpc_node_slot", node=node.name, commitment=commitment)
        for commitment in ("confirmed", "finalized")
    )
    assert confirmed
    assert final
    assert confirmed - final >= 31
    assert value("wallet_sol", wallet="payer") == 1.5
    assert value("rpc_node_up", node=node.name) == 1


async def test_a_node_that_errs_is_shown_as_away_until_it_answers(tmp_path: Path) -> None:
    with Desk(tmp_path / "chain") as desk:
        async with desk.served() as [door], chain_at(f"http://{door}", tmp_path) as chain:
            [node] = chain.nodes.all
            desk.node.striking.faults = Faults(unavailable=1)
            await look_at(chain)
            away = value("rpc_node_up", node=node.name)
            desk.node.striking.faults = Faults()
            await look_at(chain)

    assert away == 0
    assert value("rpc_node_up", node=node.name) == 1
    name, labels = "rpc_request_duration_seconds_count", {"method": "getGenesisHash"}
    assert value(name, node=node.name, outcome="unwell", **labels)
    assert value(name, node=node.name, outcome="ok", **labels) == 1


async def test_a_node_that_throttles_is_told_from_one_that_is_ill(tmp_path: Path) -> None:
    with Desk(tmp_path / "chain") as desk:
        desk.node.striking.faults = Faults(throttled=1)
        async with desk.served() as [door], chain_at(f"http://{door}", tmp_path) as chain:
            await look_at(chain)
            [node] = chain.nodes.all

    name, labels = "rpc_request_duration_seconds_count", {"method": "getGenesisHash"}
    assert value(name, node=node.name, outcome="throttled", **labels) == 1


async def test_a_node_of_another_chain_is_shown_as_such(tmp_path: Path) -> None:
    with Desk(tmp_path / "chain") as desk:
        async with (
            desk.served() as [door],
            chain_at(f"http://{door}", tmp_path, genesis=ANOTHER) as chain,
        ):
            await look_at(chain)
            [node] = chain.nodes.all

    assert value("rpc_node_of_another_chain", node=node.name) == 1
    assert value("rpc_node_up", node=node.name) == 0


async def test_a_key_in_a_url_is_in_no_label(tmp_path: Path) -> None:
    url = "http://me:s3cret@127.0.0.1:1/k3y?api-key=t0ken"
    async with chain_at(url, tmp_path) as chain:
        await look_at(chain)

    shown = generate_latest().decode()
    assert '{node="127.0.0.1:1"} 0.0' in shown
    assert not any(secret in shown for secret in ("s3cret", "k3y", "t0ken"))


@pytest.mark.parametrize(
    ("chain", "money", "said"),
    [
        ("devchain", "play", "no real money"),
        ("mainnet", "real", "REAL MONEY"),
    ],
)
async def test_a_service_tells_a_real_chain_when_it_starts(
    chain: str, money: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = MarketSettings(
        redis_url="unused", database_url="unused", chain=chain, rpc_urls="http://127.0.0.1:1"
    )
    with caplog.at_level("INFO"):
        async with service_chain(settings):
            pass

    assert said in caplog.messages[0]
    assert value("chain_info", chain=chain, money=money) == 1
