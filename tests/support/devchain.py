"""A development chain whose blocks are made by hand, and a client of it without a network."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from devchain.chain.chain import Chain, Habits
from devchain.chain.origin import Genesis
from devchain.faults import Faults, Striking
from devchain.rpc.calls import answer, read
from devchain.rpc.node import Node
from devchain.server.running import listener, serving

SOL = 10**9
NOW = 1_800_000_000
BASE64 = {"encoding": "base64"}


class Refused(Exception):
    """The node answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error)
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Any = error.get("data")


def born(accounts: Mapping[Pubkey, Account] | None = None) -> Genesis:
    return Genesis.of(accounts or {}, {}, salt=b"tests", time=NOW)


class Desk:
    """A chain in a folder, and one node of it. Time stands still unless a test moves it."""

    def __init__(
        self, folder: Path, habits: Habits | None = None, genesis: Genesis | None = None
    ) -> None:
        self.chain = Chain.open(folder, genesis or born(), habits or Habits())
        self.node = self.another()

    def another(self) -> Node:
        """Return one more node of the same chain."""
        return Node(self.chain, Striking(Faults(), seed=0), now=lambda: NOW)

    def raw(self, body: object, node: Node | None = None) -> str:
        """Return what a node answers to a request, as it comes."""
        return answer(node or self.node, read(json.dumps(body)))

    def ask(self, method: str, *params: Any, node: Node | None = None) -> Any:
        """Return the result of a call. Raises `Refused`."""
        body = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
        said = json.loads(self.raw(body, node))
        if "error" in said:
            raise Refused(said["error"])
        return said["result"]

    def step(self, blocks: int = 1) -> None:
        self.chain.step(blocks, NOW)

    def blockhash(self, commitment: str = "processed") -> Hash:
        said = self.ask("getLatestBlockhash", {"commitment": commitment})
        return Hash.from_string(said["value"]["blockhash"])

    def funded(self, lamports: int = 100 * SOL) -> Keypair:
        """Return a new wallet with lamports that are final."""
        wallet = Keypair()
        self.ask("requestAirdrop", str(wallet.pubkey()), lamports)
        self.step(32)
        return wallet

    def signed(
        self, payer: Keypair, *instructions: Instruction, blockhash: Hash | None = None
    ) -> VersionedTransaction:
        recent = blockhash or self.blockhash()
        return VersionedTransaction(
            MessageV0.try_compile(payer.pubkey(), instructions, [], recent), [payer]
        )

    def transfer(
        self, payer: Keypair, to: Pubkey, lamports: int = SOL, blockhash: Hash | None = None
    ) -> VersionedTransaction:
        return self.signed(payer, paying(payer, to, lamports), blockhash=blockhash)

    def send(
        self, transaction: VersionedTransaction, *, node: Node | None = None, **config: Any
    ) -> str:
        """Send a transaction with preflight as of the open block; return its signature."""
        options = {**BASE64, "preflightCommitment": "processed", **config}
        return str(self.ask("sendTransaction", wire(transaction), options, node=node))

    def balance(self, key: Pubkey, commitment: str = "processed", node: Node | None = None) -> int:
        said = self.ask("getBalance", str(key), {"commitment": commitment}, node=node)
        return int(said["value"])

    def status(self, signature: str, *, search: bool = True, node: Node | None = None) -> Any:
        options = {"searchTransactionHistory": search}
        return self.ask("getSignatureStatuses", [signature], options, node=node)["value"][0]

    def heights(self) -> Sequence[int]:
        """Return slot and height of the open block."""
        info = self.ask("getEpochInfo", {"commitment": "processed"})
        return info["absoluteSlot"], info["blockHeight"]

    def __enter__(self) -> Self:
        return self

    @asynccontextmanager
    async def served(self, *nodes: Node) -> AsyncIterator[list[str]]:
        """Serve nodes, the desk's own by default, and yield their authorities: host and port."""
        with ExitStack() as stack:
            doors = {stack.enter_context(listener(0)): each for each in nodes or [self.node]}
            async with serving(doors):
                yield [f"127.0.0.1:{door.getsockname()[1]}" for door in doors]

    def __exit__(self, *_: object) -> None:
        self.chain.close()


def paying(payer: Keypair, to: Pubkey, lamports: int) -> Instruction:
    return transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=lamports))


def wire(transaction: VersionedTransaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()
