"""LiteSVM with everything switched off that it does by half: signatures, blockhashes, its memory.

It remembers 32 transactions by default, and its memory is its de-duplication; it takes one
blockhash, the latest. Both are the ledger's. Signatures are checked at the door, once, and not in a
replay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTable
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, SimulateResult

from devchain.chain.blocks import Balances, Error, Execution, TokenBalance
from devchain.chain.tokens import holding, mint_state

Hashes = Callable[[], Sequence[tuple[int, Hash]]]

_NOBODY = Account(0, b"", Pubkey.default())  # The runtime's way to say that there is no account.


class Runtime:
    """Accounts, and the execution of transactions on them, one after the other."""

    def __init__(self) -> None:
        svm = LiteSVM().with_transaction_history(0)
        self._svm = svm.with_blockhash_check(False).with_sigverify(False)
        self.epochs = self._svm.get_epoch_schedule()
        self._held_by: defaultdict[Pubkey, set[Pubkey]] = defaultdict(set)
        self._time: tuple[int, int, Hashes] | None = None

    def add_program(self, program: Pubkey, binary: bytes) -> None:
        """Deploy a program. Raises `ValueError` if it is none."""
        try:
            self._svm.add_program(program, binary)
        except Exception as error:
            raise ValueError(f"{program} is no program that can be loaded: {error}") from error

    def set_time(self, slot: int, time: int, hashes: Hashes) -> None:
        """Go on in another block. The runtime hears of it when something is executed there."""
        self._time = slot, time, hashes

    def account(self, key: Pubkey) -> Account | None:
        """Return an account as it is now."""
        return self._svm.get_account(key)

    def put(self, accounts: Mapping[Pubkey, Account | None]) -> None:
        """Overwrite accounts: at genesis, or with what a block replaced that is taken back."""
        for key, account in accounts.items():
            self._svm.set_account(key, account or _NOBODY)
            self._note(key, account)

    def rent(self, size: int) -> int:
        """Return the lamports that an account of `size` bytes must have."""
        return self._svm.minimum_balance_for_rent_exemption(size)

    def held_by(self, owner: Pubkey) -> list[Pubkey]:
        """Return the token accounts that an owner has, or had once, in a fixed order."""
        return sorted(self._held_by.get(owner, ()), key=bytes)

    def simulate(self, transaction: VersionedTransaction) -> SimulateResult:
        """Execute a transaction and forget all that it did."""
        self._tick()
        return self._svm.simulate_transaction(transaction)

    def execute(self, transaction: VersionedTransaction) -> Execution | Error:
        """Execute a transaction. Returns the error alone if not even its fee could be taken."""
        self._tick()
        keys, writable_loaded = self._keys(transaction)
        before = [self._svm.get_account(key) for key in keys]
        result = self._svm.send_transaction(transaction)
        after = [self._svm.get_account(key) for key in keys]
        error = None
        if isinstance(result, FailedTransactionMetadata):
            error, meta = result.err(), result.meta()
            if before[0] == after[0]:
                return error
        else:
            meta = result
        replaced = {}
        for key, old, new in zip(keys, before, after, strict=True):
            if old != new:
                replaced[key] = old
                self._note(key, new)
        return Execution(
            error=error,
            meta=meta,
            keys=keys,
            writable_loaded=writable_loaded,
            before=self.balances(before),
            after=self.balances(after),
            replaced=replaced,
        )

    def balances(self, accounts: Sequence[Account | None]) -> Balances:
        """Return what accounts have, in lamports and in tokens."""
        tokens = []
        for index, account in enumerate(accounts):
            if account is None or (held := holding(account)) is None:
                continue
            mint = mint_state(self._svm.get_account(held.mint))
            decimals = mint.decimals if mint else 0
            program = account.owner
            balance = TokenBalance(index, held.mint, held.owner, program, held.atoms, decimals)
            tokens.append(balance)
        return Balances([each.lamports if each else 0 for each in accounts], tokens)

    def _keys(self, transaction: VersionedTransaction) -> tuple[Sequence[Pubkey], int]:
        message = transaction.message
        keys = message.account_keys
        if not isinstance(message, MessageV0) or not message.address_table_lookups:
            return keys, 0
        written: list[Pubkey] = []
        read: list[Pubkey] = []
        for lookup in message.address_table_lookups:
            table = self._svm.get_account(lookup.account_key)
            addresses = _addresses(table)
            for indexes, loaded in (
                (lookup.writable_indexes, written),
                (lookup.readonly_indexes, read),
            ):
                # A table that lacks one makes the transaction fail before anything is loaded.
                loaded += [addresses[index] for index in indexes if index < len(addresses)]
        return [*keys, *written, *read], len(written)

    def _note(self, key: Pubkey, account: Account | None) -> None:
        if held := holding(account):
            self._held_by[held.owner].add(key)

    def _tick(self) -> None:
        if self._time is None:
            return
        slot, time, hashes = self._time
        self._time = None
        clock = self._svm.get_clock()
        clock.slot, clock.unix_timestamp = slot, time
        clock.epoch = self.epochs.get_epoch(slot)
        clock.leader_schedule_epoch = self.epochs.get_leader_schedule_epoch(slot)
        self._svm.set_clock(clock)
        self._svm.set_slot_hashes(hashes())


def _addresses(table: Account | None) -> Sequence[Pubkey]:
    if table is None:
        return ()
    try:
        return AddressLookupTable.deserialize(table.data).addresses
    except ValueError:
        return ()
