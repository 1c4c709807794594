"""A development chain as a process with two nodes, whose blocks a test makes, and who trades there.

The blocks are made by hand, so that a test decides what is confirmed, final or expired.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from solders.pubkey import Pubkey

from services.executor.__main__ import make_executor
from shared.orders.order import Order, replay
from shared.settings import VenueSettings
from shared.solana.wallets.key_file import new_key_file
from shared.streams.log.log import Log
from shared.tokens.registry import load_tokens
from shared.venues.onchain.opening import SPLIT, open_split, opened_chain, pooled, venues_of
from shared.venues.protocol import Venue
from tests.support.eventually import eventually
from tests.support.processes import ROOT
from tests.support.replicas import a_router, events_of, running
from tests.support.servers import free_port

SOL = 10**9
FINAL = 32
EXPIRY = 152 + FINAL  # Blocks after which what was signed can land no more, by final blocks.
_START_S = 60.0
_QUICK = {
    "chain": "devchain",
    "quote_tick_ms": 0,
    "rpc_timeout_ms": 5_000,
    "confirm_poll_ms": 20,
    "resend_ms": 100,
    "unresolved_poll_ms": 50,
    "look_back_ms": 50,
    "backoff_base_ms": 20,
}


class Devchain:
    """The process. Each of its two nodes has faults of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = (free_port(), free_port())
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(trust_env=False, timeout=60)

    @property
    def urls(self) -> list[str]:
        """Return the URL of each node."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    def start(self) -> None:
        """Replay the journal, and return once both nodes answer."""
        ports = [word for port in self._ports for word in ("--port", str(port))]
        with (self._folder / "devchain.log").open("ab") as output:
            words = ["--data-dir", str(self._folder), *ports, "--block-ms", "0"]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devchain", *words], cwd=ROOT, stderr=output
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            try:
                self._http.get(f"{self.urls[1]}/health")
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError((self._folder / "devchain.log").read_text())

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.kill()
        self._http.close()

    def ask(self, method: str, *params: Any, node: int = 0) -> Any:
        """Return a node's result. Fails on an error."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        said = self._http.post(self.urls[node], json=call).json()
        assert "error" not in said, said
        return said["result"]

    def step(self, blocks: int = 1) -> None:
        """Make blocks."""
        self.ask("devchain_stepBlocks", blocks)

    def fork(self, blocks: int) -> None:
        """Take back the open block and so many before it."""
        self.ask("devchain_fork", blocks)

    def faults(self, *nodes: int, **faults: object) -> None:
        """Set the faults of these nodes, or of both, and all others to none."""
        for each in nodes or (0, 1):
            self.ask("devchain_setFaults", faults, node=each)

    def height(self) -> int:
        """Return the height of the open block."""
        return int(self.ask("getBlockHeight", {"commitment": "processed"}))

    def give(
        self, owner: Pubkey, sol: int = 1_000, tokens: Mapping[str, int] | None = None
    ) -> None:
        """Give SOL, and atoms of tokens by symbol."""
        if sol:
            self.ask("requestAirdrop", str(owner), sol * SOL)
        for symbol, atoms in (tokens or {}).items():
            mint = load_tokens("").by_name[symbol].mint
            self.ask("devchain_airdropTokens", str(owner), mint, atoms)

    def landed(self, wallet: Pubkey) -> Counter[str]:
        """Return how many swaps of each order are in closed blocks, by their memos."""
        options = {"commitment": "confirmed", "limit": 1_000}
        found = self.ask("getSignaturesForAddress", str(wallet), options)
        # A memo is shown as "[length] text", and gifts have one, too.
        memos = [one["memo"].partition("] ")[2] for one in found if one["memo"] and not one["err"]]
        return Counter(memo for memo in memos if not memo.startswith("devchain faucet"))

    def balance(self, owner: Pubkey) -> int:
        return int(self.ask("getBalance", str(owner), {"commitment": "processed"})["value"])


def a_wallet(folder: Path, name: str = "main", account: str = "*") -> tuple[Path, Pubkey]:
    """Return a new file with one wallet, and its address."""
    address = new_key_file(folder / f"{name}.json")
    file = folder / f"{name}.toml"
    file.write_text(
        f'[{name}]\naddress = "{address}"\nkey_file = "{name}.json"\naccounts = ["{account}"]\n'
    )
    return file, address


def on(chain: Devchain, settings: VenueSettings, wallets: Path, **others: object) -> VenueSettings:
    """Return settings by which venues trade on the chain, and nobody waits for long."""
    own = {"rpc_urls": ",".join(chain.urls), "wallets_file": str(wallets)}
    return settings.model_copy(update={**_QUICK, **own, **others})


@asynccontextmanager
async def venues_on(settings: VenueSettings) -> AsyncIterator[dict[str, Venue]]:
    """Open the venues that are named; `split` is so too, over the pools of the others."""
    async with opened_chain(settings, signs=True) as chain:
        assert chain
        made, names = venues_of(settings.chain), settings.venues.split(",")
        venues = {name: made[name](name, chain) for name in names if name != SPLIT}
        if SPLIT in names:
            venues[SPLIT] = open_split(settings, chain, pooled(names))
        yield venues


@asynccontextmanager
async def routing(log: Log, settings: VenueSettings) -> AsyncIterator[None]:
    async with venues_on(settings) as venues:
        router = a_router(log, settings, list(venues.values()))
        async with running(log, "router", router, settings):
            yield


@asynccontextmanager
async def executing(log: Log, settings: VenueSettings) -> AsyncIterator[None]:
    async with venues_on(settings) as venues:
        executor = make_executor(log, settings, venues)
        async with running(log, "executor", executor, settings):
            yield


@asynccontextmanager
async def trading(log: Log, settings: VenueSettings) -> AsyncIterator[None]:
    """Run a router and an executor, each with connections of its own to the chain."""
    async with routing(log, settings), executing(log, settings):
        yield


async def the_order(log: Log, order_id: str) -> Order:
    order = replay(await events_of(log, order_id))
    assert order
    return order


async def making_blocks(
    chain: Devchain, look: Callable[[], Awaitable[bool]], blocks: int = 1
) -> None:
    """Make blocks, so many at a time, until it is so."""

    async def seen() -> bool:
        if await look():
            return True
        chain.step(blocks)
        return False

    await eventually(seen)
