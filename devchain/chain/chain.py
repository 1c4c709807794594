"""The chain that lasts: the ledger, each step of it written to the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from solders.transaction import VersionedTransaction

from devchain.chain.blocks import Error, Landed
from devchain.chain.journal import Closed, Forked, Journal, JournalError, Record, Sent
from devchain.chain.ledger import Ledger, Retention
from devchain.chain.origin import Genesis

logger = logging.getLogger(__name__)

FILE = "chain.journal"
_MOST_LATE = 10_000  # Transactions that are held back at once; more are lost, as on a real chain.


@dataclass(frozen=True, slots=True)
class Habits:
    """How the chain makes blocks: one slot in `skip_one_in` is left out (0: none)."""

    skip_one_in: int = 20
    retention: Retention = field(default_factory=Retention)


class Chain:
    """The one chain behind all nodes. Listeners are called when there is something new to see."""

    def __init__(self, ledger: Ledger, journal: Journal, habits: Habits) -> None:
        self.ledger = ledger
        self.listeners: list[Callable[[], None]] = []
        self._journal = journal
        self._habits = habits
        self._late: list[tuple[int, VersionedTransaction]] = []
        self._news = False

    @classmethod
    def open(cls, folder: Path, genesis: Genesis, habits: Habits) -> Chain:
        """Replay the chain that is in a folder, or begin one with a genesis.

        Raises `JournalError` with what to do, `ValueError` for a genesis that can't be.
        """
        journal = Journal(folder / FILE)
        try:
            return cls(_ledger(journal, genesis, habits.retention), journal, habits)
        except BaseException:
            journal.abandon()
            raise

    def land(self, transaction: VersionedTransaction) -> Landed | Error:
        """Execute a transaction now, in the open block. An error alone: it is in no block."""
        landed = self.ledger.execute(transaction)
        if isinstance(landed, Landed):
            self._journal.append(Sent(bytes(transaction)))
            self._news = True
        return landed

    def land_later(self, transaction: VersionedTransaction, blocks: int) -> None:
        """Execute a transaction some blocks from now, if it still may be."""
        if len(self._late) < _MOST_LATE:
            self._late.append((self.ledger.head.height + blocks, transaction))

    def flush(self) -> None:
        """Write what was executed, before anybody is told of it; then tell those who listen.

        Raises `OSError` when the journal can't be written.
        """
        self._journal.flush()
        if self._news:
            self._tell()

    def step(self, blocks: int, now: int) -> None:
        """Close so many blocks at the unix time `now`, and sync the journal. Raises as `flush`."""
        for _ in range(blocks):
            head = self.ledger.head
            time = max(now, head.time)
            slot = head.slot + 1
            # A hash is all the chance that is needed, and the same again for the same history.
            parent = int.from_bytes(bytes(self.ledger.block(head.height - 1).hash or b"")[:8])
            if self._habits.skip_one_in and parent % self._habits.skip_one_in == 0:
                slot += 1
            sealed = self.ledger.close(slot, time)
            self._journal.append(Closed(bytes(sealed), slot, time))
            self._land_late()
            self._journal.flush()
            self._tell()
        self._journal.sync()

    def fork(self, blocks: int, now: int) -> None:
        """Take back the open block and the last closed ones: at most those that are not final.

        Slots go on, as time does. Raises `ValueError` for too many blocks, and as `flush` does.
        """
        most = self.ledger.most_to_take_back()
        if not 1 <= blocks <= most:
            raise ValueError(f"{blocks} blocks can't be taken back: {most} are not final")
        head = self.ledger.head
        slot, time = head.slot + 1, max(now, head.time)
        self.ledger.take_back(blocks, slot, time)
        self._journal.append(Forked(blocks, slot, time))
        self._journal.sync()
        self._tell()

    def close(self) -> None:
        """Sync and close the journal."""
        self._journal.close()

    def _land_late(self) -> None:
        height = self.ledger.head.height
        due = [each for at, each in self._late if at <= height]
        self._late = [(at, each) for at, each in self._late if at > height]
        for transaction in due:
            self.land(transaction)

    def _tell(self) -> None:
        self._news = False
        for listener in self.listeners:
            listener()


def _ledger(journal: Journal, genesis: Genesis, retention: Retention) -> Ledger:
    records = iter(journal.records())
    first = next(records, None)
    if first is None:
        ledger = Ledger(genesis, retention)
        journal.append(genesis)
        journal.sync()
        return ledger
    if not isinstance(first, Genesis):
        raise JournalError(f"{journal.path} has no genesis: choose another --data-dir")
    ledger = Ledger(first, retention)
    for record in records:
        _replay(ledger, record, journal.path)
    logger.info("replayed %d transactions", ledger.transactions)
    if not first.is_like(genesis):
        logger.warning(
            "this chain goes on with the accounts and programs that it began with, which are not "
            "those that are given now: another --data-dir begins a new one"
        )
    return ledger


def _replay(ledger: Ledger, record: Record, path: Path) -> None:
    match record:
        case Sent(raw):
            same = isinstance(ledger.execute(VersionedTransaction.from_bytes(raw)), Landed)
        case Closed(sealed, slot, time):
            same = bytes(ledger.close(slot, time)) == sealed
        case Forked(count, slot, time):
            ledger.take_back(count, slot, time)
            same = True
        case Genesis():
            same = False
    if not same:
        raise JournalError(
            f"{path}: block {ledger.head.height} replays to another outcome than was written. "
            "Another version of solders or devchain wrote it: use that one, or another --data-dir"
        )
