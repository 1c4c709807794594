"""The chain as one node sees it now: perhaps some slots behind, perhaps with its history gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionErrorFieldless

from devchain.chain.blocks import VALID, Block, Error, Landed
from devchain.chain.ledger import MOST_LAG, Ledger

_STATUSES = 300  # Blocks whose statuses a node has at hand; older ones it has to search for.


@dataclass(frozen=True, slots=True)
class View:
    """What a node knows: the heights of its newest, its newest final and its oldest block."""

    ledger: Ledger
    head: int
    root: int
    first: int
    forgets: bool = False

    @classmethod
    def of(
        cls, ledger: Ledger, *, lag_slots: int = 0, pruned: bool = False, forgets: bool = False
    ) -> View:
        """Return the view of a node that lags, and that has kept final blocks alone if `pruned`."""
        newest = ledger.head
        height, oldest = newest.height, ledger.first.height
        until = newest.slot - min(lag_slots, MOST_LAG)
        while height > oldest and ledger.block(height).slot > until:
            height -= 1
        root = ledger.root(until)
        return cls(ledger, max(height, root), root, root if pruned else oldest, forgets)

    def height(self, commitment: str) -> int:
        """Return the height of the newest block at a commitment."""
        match commitment:
            case "finalized":
                return self.root
            case "confirmed":
                return max(self.head - 1, self.root)
            case _:
                return self.head

    def block(self, commitment: str) -> Block:
        """Return the newest block at a commitment."""
        return self.ledger.block(self.height(commitment))

    def sealed(self, commitment: str) -> tuple[Hash, int]:
        """Return the newest blockhash at a commitment, and the last height it is promised for."""
        height = self._sealed_height(commitment)
        sealed = self.ledger.block(height).hash
        assert sealed is not None  # noqa: S101 - only the last block is open
        return sealed, height + VALID

    def _sealed_height(self, commitment: str) -> int:
        return min(self.height(commitment), self.ledger.head.height - 1)

    def account(self, key: Pubkey, commitment: str) -> Account | None:
        """Return an account as of the newest block at a commitment."""
        return self.ledger.account(key, self.height(commitment))

    def is_valid(self, blockhash: Hash, commitment: str) -> bool:
        """Return whether a block at a commitment knows a blockhash, and it is young enough."""
        height = self.ledger.height_of(blockhash)
        return height is not None and 0 <= self._sealed_height(commitment) - height <= VALID

    def refusal(self, transaction: VersionedTransaction, commitment: str) -> Error | None:
        """Return why a preflight refuses a transaction without executing it, if it does."""
        refused = self.ledger.refusal(transaction)
        if refused is None and not self.is_valid(transaction.message.recent_blockhash, commitment):
            return TransactionErrorFieldless.BlockhashNotFound
        return refused

    def status(self, signature: Signature, *, search: bool) -> Landed | None:
        """Return a transaction: one of the last blocks, or of the history if that is searched."""
        landed = None if self.forgets else self.ledger.find(signature)
        if landed is None or not self.first <= landed.block.height <= self.head:
            return None
        recent = self.head - landed.block.height < _STATUSES
        return landed if recent or search else None

    def confirmations(self, landed: Landed) -> int | None:
        """Return how many blocks lie on top of a transaction's, None if it is final."""
        height = landed.block.height
        return None if height <= self.root else self.head - height

    def has(self, landed: Landed, commitment: str) -> bool:
        """Return whether a transaction has reached a commitment."""
        return landed.block.height <= self.height(commitment)

    def blocks(self, commitment: str) -> Iterator[Block]:
        """Return the blocks at a commitment that are kept, the newest first."""
        for height in range(self.height(commitment), self.first - 1, -1):
            yield self.ledger.block(height)
