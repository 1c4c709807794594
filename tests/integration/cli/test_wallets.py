"""The first wallet of a stack, and the health check of the node that it is made at."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from cli.console import Trouble
from cli.main import app
from cli.wallets.faucet import airdrop
from cli.wallets.first import NAME, prepare
from devchain.genesis import accounts
from devchain.server.running import make_blocks
from shared.solana.addresses import WRAPPED_SOL
from shared.solana.rpc.nodes import Nodes
from shared.solana.wallets.key_file import new_key_file
from shared.solana.wallets.wallets_file import read_wallets
from shared.tokens.registry import load_tokens
from tests.deploy.manifests import ROOT
from tests.support.cli import command, stack_in
from tests.support.devchain import Desk, born


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[tuple[Desk, str]]:
    with Desk(tmp_path / "chain", genesis=born(accounts())) as desk:
        async with desk.served() as [door]:
            blocks = asyncio.create_task(make_blocks(desk.chain, desk.node, every_ms=10))
            yield desk, f"http://{door}"
            blocks.cancel()


def environment(chain: str, url: str, file: Path) -> Mapping[str, str]:
    servers = {"REDIS_URL": "unused", "DATABASE_URL": "unused"}
    return {**servers, "CHAIN": chain, "RPC_URLS": url, "WALLETS_FILE": str(file)}


async def test_a_first_wallet_is_made_and_endowed_once(
    tmp_path: Path, desk: tuple[Desk, str]
) -> None:
    chain, url = desk
    file, keys = tmp_path / "wallets" / "wallets.toml", tmp_path / "keys"
    keys.mkdir()
    env = environment("devchain", url, file)

    await prepare(env, file, keys)
    main = read_wallets(file).all[NAME]
    had = chain.balance(main.address)
    again = await prepare(env, file, keys)

    assert had > 0
    assert again == f"wallets are those of {file}"
    assert chain.balance(main.address) == had
    assert [path.name for path in file.parent.iterdir()] == ["wallets.toml"]
    assert main.key_file == str(keys / "main.json")
    assert read_wallets(file).signers({})[NAME].public_key == main.address


async def test_a_key_that_a_preparation_left_without_its_wallet_is_taken_up(
    tmp_path: Path, desk: tuple[Desk, str]
) -> None:
    chain, url = desk
    file = tmp_path / "wallets.toml"
    left = new_key_file(tmp_path / f"{NAME}.json")

    await prepare(environment("devchain", url, file), file)

    assert read_wallets(file).all[NAME].address == left
    assert chain.balance(left) > 0


async def test_no_wallet_is_made_where_money_is_real(tmp_path: Path) -> None:
    file = tmp_path / "wallets.toml"

    with pytest.raises(Trouble, match="wallet new main"):
        await prepare(environment("mainnet", "http://127.0.0.1:1", file), file)

    assert not file.exists()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return what runs `slipstream wallet` where no stack was ever started."""
    there = tmp_path / "elsewhere"
    there.mkdir()
    monkeypatch.chdir(there)
    monkeypatch.setenv("HOME", str(tmp_path))  # Nobody's own stacks are found.
    for name in ("XDG_CONFIG_HOME", "CHAIN", "RPC_URLS", "WALLETS_FILE", "WALLET_KEYS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(app, ["wallet", *words])


def test_a_new_wallet_goes_to_the_stack_that_runs_wherever_that_is(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "its own" / "wallets.toml"
    with stack_in(tmp_path / "data", "127.0.0.1:1", chain="devchain", wallets_file=str(file)):
        made, listed = run("new", "desk"), run("list")
    later = run("list")

    assert (made.exit_code, listed.exit_code) == (0, 0)
    assert "once it is started again" in made.stderr
    assert listed.stdout.split()[:2] == ["desk", str(read_wallets(file).all["desk"].address)]
    assert later.stdout == ""
    assert "wallet new" in later.stderr


def test_another_chain_or_file_that_is_named_goes_before_the_stack_that_runs(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = tmp_path / "theirs.toml", tmp_path / "ours.toml"
    with stack_in(tmp_path / "data", "127.0.0.1:1", chain="devchain", wallets_file=str(theirs)):
        run("new", "desk", "--wallets-file", str(ours))
        monkeypatch.setenv("CHAIN", "devnet")
        run("new", "main")

    assert not theirs.exists()
    assert list(read_wallets(ours).all) == ["desk"]
    assert list(read_wallets(Path(".slipstream/wallets/wallets.toml")).all) == ["main"]


async def test_a_url_of_another_chain_is_refused_at_once_by_both_hashes_and_the_settings(
    desk: tuple[Desk, str], tmp_path: Path
) -> None:
    chain, url = desk
    env = {"CHAIN": "devchain", "RPC_URLS": url, "GENESIS_HASH": "1" * 32}
    refused = await asyncio.to_thread(command, "wallet", "prepare", env=env, cwd=tmp_path)

    assert refused.returncode == 1
    for named in ("RPC_URLS", "CHAIN", "GENESIS_HASH has " + "1" * 32, chain.ask("getGenesisHash")):
        assert named in refused.stderr


def test_which_stack_is_meant_is_asked_where_several_run(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with stack_in(one, "127.0.0.1:1"), stack_in(two, "127.0.0.1:1"):
        asked, said = run("new", "desk"), run("new", "desk", "--data-dir", str(two))

    assert (asked.exit_code, said.exit_code) == (2, 0)
    assert "--data-dir" in asked.stderr
    assert (two / "wallets" / "desk.json").exists()


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("0.0000000019", "has more than 9 decimals"),
        ("18446744074", "is not from 0 to 18446744073709551615 atoms"),
    ],
)
async def test_a_gift_that_is_no_number_of_atoms_is_refused_and_not_rounded(
    amount: str, why: str
) -> None:
    sol = load_tokens("").by_name["SOL"]
    nowhere = Nodes([], why_foreign=lambda _: "", timeout_s=1)

    with pytest.raises(Trouble, match=why):
        await airdrop(nowhere, WRAPPED_SOL, sol, Decimal(amount))


@pytest.mark.parametrize(("says", "code"), [("well", 0), ("away", 1)])
async def test_the_health_check_asks_a_node_how_it_is(
    tmp_path: Path, desk: tuple[Desk, str], says: str, code: int
) -> None:
    port = desk[1].rpartition(":")[2] if says == "well" else "1"
    check = await asyncio.create_subprocess_exec(
        sys.executable, "-IS", ROOT / "deploy/healthcheck.py", "--rpc", port
    )

    assert await check.wait() == code
