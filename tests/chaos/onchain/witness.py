"""What the chain's journal bears witness to, when its process is gone: swaps, and what forks took.

It is replayed here, and read without any code of the services.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from devchain.chain.blocks import Landed
from devchain.chain.journal import Closed, Forked, Journal, Sent
from devchain.chain.ledger import Ledger, Retention
from devchain.chain.origin import Genesis
from devchain.chain.tokens import MEMO
from tests.chaos.onchain.devchain import USDC
from tests.chaos.records import Record, Swapped, TakenBack

_SOL_DECIMALS, _USDC_DECIMALS = 9, 6
_ALL = Retention(blocks=10**9, transactions=10**9)


def witnessed(folder: Path, wallet: Pubkey) -> list[Record]:
    """Return every swap of a wallet, SOL for USDC, and all that forks took back at any time."""
    journal = Journal(folder / "chain.journal")
    try:
        ledger, taken_back = _replayed(journal)
    finally:
        journal.close()
    found: list[Record] = [TakenBack(signature=one) for one in sorted(taken_back)]
    landed = (one for at in range(ledger.head.height + 1) for one in ledger.block(at).landed)
    found += [_swapped(one, wallet) for one in landed if _is_swap(one, wallet)]
    return found


def _replayed(journal: Journal) -> tuple[Ledger, set[str]]:
    records = journal.records()
    genesis = next(records)
    assert isinstance(genesis, Genesis)
    ledger, taken_back = Ledger(genesis, _ALL), set[str]()
    for record in records:
        match record:
            case Sent(raw):
                ledger.execute(VersionedTransaction.from_bytes(raw))
            case Closed(sealed, slot, time):
                assert bytes(ledger.close(slot, time)) == sealed, "it replays to another chain"
            case Forked(count, slot, time):
                head = ledger.head.height
                for height in range(head - count, head + 1):
                    taken_back |= {str(one.signature) for one in ledger.block(height).landed}
                ledger.take_back(count, slot, time)
    return ledger, taken_back


def _is_swap(landed: Landed, wallet: Pubkey) -> bool:
    return landed.execution.keys[0] == wallet and landed.execution.error is None


def _swapped(landed: Landed, wallet: Pubkey) -> Swapped:
    execution = landed.execution
    lamports = execution.before.lamports[0] - execution.after.lamports[0] - execution.meta.fee()
    atoms = {True: 0, False: 0}
    for is_after, balances in ((False, execution.before), (True, execution.after)):
        for held in balances.tokens:
            if held.owner == wallet and str(held.mint) == USDC:
                atoms[is_after] += held.atoms
    return Swapped(
        order_id=_memo(landed.transaction),
        signature=str(landed.signature),
        amount_in=Decimal(lamports).scaleb(-_SOL_DECIMALS),
        amount_out=Decimal(atoms[True] - atoms[False]).scaleb(-_USDC_DECIMALS),
    )


def _memo(transaction: VersionedTransaction) -> str:
    keys = transaction.message.account_keys
    memos = [
        each.data
        for each in transaction.message.instructions
        if keys[each.program_id_index] == MEMO
    ]
    return b" ".join(memos).decode()
