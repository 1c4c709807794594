"""Blocks, and the transactions in them. Plain values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import TransactionMetadata
from solders.transaction_status import TransactionErrorType

WINDOW = 151  # Blocks that may hold a transaction after the one whose hash it names, as on Solana.
VALID = 150  # So many heights after a block a node promises that its hash is still good.
COMMITMENTS = ("finalized", "confirmed", "processed")
FINAL = 32  # Blocks on top that make one final. One makes it confirmed.

Error: TypeAlias = TransactionErrorType


class TokenBalance(NamedTuple):
    """The tokens of one account of a transaction. `atoms` are in the mint's smallest unit."""

    place: int  # Its account's, among the transaction's keys.
    mint: Pubkey
    owner: Pubkey
    program: Pubkey
    atoms: int
    decimals: int


class Balances(NamedTuple):
    """The balances of a transaction's accounts, in the order of its keys."""

    lamports: Sequence[int]
    tokens: Sequence[TokenBalance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution that took its fee, and so is part of the chain, whether or not it failed."""

    error: Error | None
    meta: TransactionMetadata
    keys: Sequence[Pubkey]  # Those of lookup tables last: the written ones, then the rest.
    writable_loaded: int
    before: Balances
    after: Balances
    replaced: dict[Pubkey, Account | None]  # Accounts that changed, as they were.


@dataclass(frozen=True, slots=True, eq=False)
class Landed:
    """A transaction in its block."""

    transaction: VersionedTransaction
    execution: Execution
    block: Block
    index: int

    @property
    def signature(self) -> Signature:
        """Return the name by which it is known."""
        return self.transaction.signatures[0]


@dataclass(slots=True, eq=False)
class Block:
    """A block: open until it has a hash. `replaced` are the accounts it changed, as they were."""

    height: int
    slot: int
    parent: int
    time: int
    hash: Hash | None = None
    landed: list[Landed] = field(default_factory=list)
    replaced: dict[Pubkey, Account | None] = field(default_factory=dict)

    def sealed(self, parent: Hash) -> Hash:
        """Return the block's hash, which follows from its parent and all that happened in it."""
        digest = hashlib.sha256(bytes(parent))
        digest.update(b"%d %d %d" % (self.height, self.slot, self.time))
        for each in self.landed:
            execution = each.execution
            digest.update(bytes(each.signature))
            digest.update(repr((str(execution.error), *execution.after.lamports)).encode())
            digest.update(repr([balance.atoms for balance in execution.after.tokens]).encode())
        return Hash(digest.digest())
