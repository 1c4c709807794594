"""A development chain of one's own, behind two URLs, to be killed, paused and made to misbehave."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from solders.pubkey import Pubkey

from cli.wallets.book import add_wallet, wallets_in
from shared.solana.wallets.wallets_file import OTHERS
from tests.support.eventually import eventually
from tests.support.processes import ROOT
from tests.support.servers import free_port

BLOCK_MS = 50
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
_GIFT_LAMPORTS = 500_000 * 10**9  # Some hours of orders.
_GIFT_USDC = 10**6
_FINAL = 40  # Blocks after which no fork takes anything back.
_START_S = 120.0  # On a machine that is busy.
_ANSWER_S = 2.0


class Devchain:
    """Its process, and the wallet that every order is paid from. It listens on two ports."""

    def __init__(self, folder: Path, output: Path) -> None:
        self.folder = folder / "devchain"
        self.wallets_file = folder / "wallets.toml"
        self.urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        add_wallet(self.wallets_file, "main", [OTHERS])

    @property
    def settings(self) -> dict[str, object]:
        """Return what services have to know to settle on it."""
        return {
            "chain": "devchain",
            "venues": "raydium,meteora,jupiter,raydium_api",
            "split_gain_bps": 0,  # Any gain: orders are to be split here.
            "rpc_urls": ",".join(self.urls),
            "wallets_file": str(self.wallets_file),
            "block_ms": BLOCK_MS,
            "rpc_timeout_ms": 1_000,
            "quote_tick_ms": BLOCK_MS,
        }

    @property
    def wallet(self) -> Pubkey:
        """Return the address of the wallet."""
        [wallet] = wallets_in(self.wallets_file).all.values()
        return wallet.address

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Return once it has replayed its journal and both URLs answer."""
        self._process = self._launched()
        await eventually(self._answers, within_s=_START_S, every_s=0.05)

    async def endow(self) -> None:
        """Give the wallet SOL to trade with, for good."""
        give = partial(self.ask, 0, within_s=_START_S)
        await give("requestAirdrop", str(self.wallet), _GIFT_LAMPORTS)
        await give("devchain_airdropTokens", str(self.wallet), USDC, _GIFT_USDC)
        await give("devchain_stepBlocks", _FINAL)

    async def ask(self, node: int, method: str, *params: Any, within_s: float = _ANSWER_S) -> Any:
        """Return what one of its nodes answers. Raises `httpx.TransportError`."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with httpx.AsyncClient(trust_env=False, timeout=within_s) as http:
            said = (await http.post(self.urls[node], json=body)).json()
        if "error" in said:
            raise ValueError(f"{method}: {said['error']}")
        return said["result"]

    def pause(self) -> None:
        """Let it hang: no block is made, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _launched(self) -> subprocess.Popen[bytes]:
        ports = [word for url in self.urls for word in ("--port", url.rpartition(":")[2])]
        words = ("--data-dir", str(self.folder), "--block-ms", str(BLOCK_MS), *ports)
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "devchain", *words],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _answers(self) -> bool:
        try:
            said = [await self.ask(node, "getHealth") for node in range(len(self.urls))]
        except (httpx.TransportError, ValueError):
            if not self.alive:
                raise RuntimeError(f"devchain ended: {self._output.read_text()}") from None
            return False
        return set(said) == {"ok"}
