"""The ledger: the blocks that are kept, and accounts as of each that may still be asked for.

The same steps lead to the same state, hashes and heights: nothing here looks at a clock or at
chance. So a journal of the steps is all there is to write down.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionErrorFieldless

from devchain.chain.blocks import FINAL, WINDOW, Block, Error, Execution, Landed
from devchain.chain.origin import Genesis
from devchain.chain.runtime import Runtime

MOST_LAG = 64  # Blocks that a node may be behind: so much more is kept of what blocks replaced.
_SLOT_HASHES = 512
_TOGETHER = 64  # Blocks are dropped so many at a time.
# Slots never go back, so that no fork brings more blocks into reach than a lag has slots.
_REPLACED_KEPT = FINAL + MOST_LAG
_HASHES_KEPT = WINDOW + MOST_LAG + FINAL
_LEAST = 2 * WINDOW


@dataclass(frozen=True, slots=True)
class Retention:
    """How much history is kept in memory, in closed blocks and in transactions.

    Older blocks go, the oldest first, once either is exceeded, but never one so young that a
    transaction with its hash may still land.
    """

    blocks: int = 100_000
    transactions: int = 250_000


class Ledger:
    """Blocks and accounts. The last block is open: it takes transactions and has no hash yet."""

    def __init__(self, genesis: Genesis, retention: Retention) -> None:
        self.genesis_hash = genesis.hash
        self.runtime = Runtime()
        self.runtime.put(
            {Pubkey.from_bytes(key): Account.from_bytes(raw) for key, raw in genesis.accounts}
        )
        for key, binary in genesis.programs:
            self.runtime.add_program(Pubkey.from_bytes(key), binary)
        self._retention = retention
        first = Block(0, genesis.slot, genesis.slot, genesis.time, self.genesis_hash)
        self._blocks = [first]
        self._landed: dict[Signature, Landed] = {}
        self._heights: dict[Hash, int] = {self.genesis_hash: 0}
        self.transactions = 0  # Since genesis.
        self._roots: deque[tuple[int, int]] = deque([(0, 0)], maxlen=MOST_LAG + 1)
        self._open(genesis.slot + 1, genesis.time)

    @property
    def head(self) -> Block:
        """Return the open block."""
        return self._blocks[-1]

    @property
    def first(self) -> Block:
        """Return the oldest block that is kept."""
        return self._blocks[0]

    def block(self, height: int) -> Block:
        """Return a block that is kept."""
        return self._blocks[height - self._blocks[0].height]

    def find(self, signature: Signature) -> Landed | None:
        """Return a transaction that is in a block that is kept."""
        return self._landed.get(signature)

    def height_of(self, blockhash: Hash) -> int | None:
        """Return the height of a recent block by its hash, even if it is too old to be used."""
        return self._heights.get(blockhash)

    def account(self, key: Pubkey, height: int) -> Account | None:
        """Return an account as it was at the end of a block, at most `FINAL + MOST_LAG` ago."""
        for block in self._blocks[height + 1 - self._blocks[0].height :]:
            if key in block.replaced:
                return block.replaced[key]
        return self.runtime.account(key)

    def refusal(self, transaction: VersionedTransaction) -> Error | None:
        """Return why a transaction can't be executed in the open block, if it can't."""
        if transaction.signatures[0] in self._landed:
            return TransactionErrorFieldless.AlreadyProcessed
        height = self._heights.get(transaction.message.recent_blockhash)
        if height is None or self.head.height - height > WINDOW:
            return TransactionErrorFieldless.BlockhashNotFound
        return None

    def execute(self, transaction: VersionedTransaction) -> Landed | Error:
        """Execute a transaction in the open block. An error alone means that it is in no block."""
        refused = self.refusal(transaction)
        execution = refused if refused is not None else self.runtime.execute(transaction)
        if not isinstance(execution, Execution):
            return execution
        block = self.head
        landed = Landed(transaction, execution, block, len(block.landed))
        block.landed.append(landed)
        self._landed[landed.signature] = landed
        self.transactions += 1
        for key, account in execution.replaced.items():
            block.replaced.setdefault(key, account)
        return landed

    def close(self, slot: int, time: int) -> Hash:
        """Close the open block, open the next one at a slot and unix time, and return the hash."""
        block = self.head
        sealed = block.sealed(self._parent_hash())
        block.hash = sealed
        self._heights[sealed] = block.height
        self._open(slot, time)
        self._forget()
        return sealed

    def take_back(self, count: int, slot: int, time: int) -> None:
        """Take back the open block and the last `count` closed ones, as a fork does."""
        for _ in range(count + 1):
            block = self._blocks.pop()
            self.runtime.put(block.replaced)
            for landed in block.landed:
                del self._landed[landed.signature]
            self.transactions -= len(block.landed)
            if block.hash is not None:
                del self._heights[block.hash]
        self._open(slot, time)

    def root(self, slot: int) -> int:
        """Return the height of the newest final block as of a slot. It never goes back."""
        known = (root for at, root in reversed(self._roots) if at <= slot)
        return next(known, self._roots[0][1])

    def most_to_take_back(self) -> int:
        """Return how many closed blocks are not final."""
        return self.head.height - 1 - self.root(self.head.slot)

    def _open(self, slot: int, time: int) -> None:
        parent = self._blocks[-1]
        self._blocks.append(Block(parent.height + 1, slot, parent.slot, time))
        _, root = self._roots[-1]
        self._roots.append((slot, max(root, parent.height + 1 - FINAL)))
        self.runtime.set_time(slot, time, self._slot_hashes)

    def _parent_hash(self) -> Hash:
        parent = self._blocks[-2].hash
        assert parent is not None  # noqa: S101 - only the last block is open
        return parent

    def _slot_hashes(self) -> list[tuple[int, Hash]]:
        recent = self._blocks[-_SLOT_HASHES - 1 :]
        return [(block.slot, block.hash) for block in reversed(recent) if block.hash]

    def _forget(self) -> None:
        kept = self._blocks
        if len(kept) > _REPLACED_KEPT:
            kept[-_REPLACED_KEPT - 1].replaced = {}
        if len(kept) > _HASHES_KEPT and (old := kept[-_HASHES_KEPT - 1].hash):
            self._heights.pop(old, None)
        while len(kept) > max(self._retention.blocks, _LEAST) + _TOGETHER or (
            len(self._landed) > self._retention.transactions and len(kept) > _LEAST + _TOGETHER
        ):
            for block in kept[:_TOGETHER]:
                for landed in block.landed:
                    del self._landed[landed.signature]
            del kept[:_TOGETHER]
