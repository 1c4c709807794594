"""What happened on the chain, in solders' words for replies."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from solders.account_decoder import UiTokenAmount
from solders.message import MessageV0
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import TransactionMetadata
from solders.transaction_status import (
    TransactionConfirmationStatus,
    TransactionReturnData,
    UiAddressTableLookup,
    UiCompiledInstruction,
    UiInnerInstructions,
    UiLoadedAddresses,
    UiRawMessage,
    UiTransaction,
    UiTransactionStatusMeta,
    UiTransactionTokenBalance,
)

from devchain.chain.blocks import Execution, TokenBalance
from devchain.chain.tokens import MEMO
from devchain.rpc import base58


def amount(atoms: int, decimals: int) -> UiTokenAmount:
    """Return atoms as a node shows them."""
    exact = Decimal(atoms).scaleb(-decimals)
    text = f"{exact:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return UiTokenAmount(float(exact), decimals, str(atoms), text)


def confirmation(on_top: int | None) -> TransactionConfirmationStatus:
    """Return the status of a transaction with so many blocks on top, None if it is final."""
    if on_top is None:
        return TransactionConfirmationStatus.Finalized
    if on_top:
        return TransactionConfirmationStatus.Confirmed
    return TransactionConfirmationStatus.Processed


def memo(transaction: VersionedTransaction) -> str | None:
    """Return the memos of a transaction, each with its length."""
    keys = transaction.message.account_keys
    memos = [
        f"[{len(each.data)}] {each.data.decode(errors='replace')}"
        for each in transaction.message.instructions
        if keys[each.program_id_index] == MEMO
    ]
    return "; ".join(memos) or None


def ui_transaction(transaction: VersionedTransaction) -> UiTransaction:
    """Return a transaction in plain JSON."""
    message = transaction.message
    lookups = None
    if isinstance(message, MessageV0):
        lookups = [
            UiAddressTableLookup(each.account_key, each.writable_indexes, each.readonly_indexes)
            for each in message.address_table_lookups
        ]
    raw = UiRawMessage(
        message.header,
        message.account_keys,
        message.recent_blockhash,
        [
            UiCompiledInstruction(each.program_id_index, each.accounts, base58.encode(each.data), 1)
            for each in message.instructions
        ],
        lookups,
    )
    return UiTransaction(transaction.signatures, raw)


def status_meta(execution: Execution, static_keys: int) -> UiTransactionStatusMeta:
    """Return what an execution did. The first `static_keys` keys stand in the message itself."""
    loaded = execution.keys[static_keys:]
    written = execution.writable_loaded
    return UiTransactionStatusMeta(
        err=execution.error,
        fee=execution.meta.fee(),
        pre_balances=execution.before.lamports,
        post_balances=execution.after.lamports,
        inner_instructions=inner_instructions(execution.meta),
        log_messages=execution.meta.logs(),
        pre_token_balances=_tokens(execution.before.tokens),
        post_token_balances=_tokens(execution.after.tokens),
        rewards=[],
        loaded_addresses=UiLoadedAddresses(loaded[:written], loaded[written:]),
        return_data=return_data(execution.meta),
        compute_units_consumed=execution.meta.compute_units_consumed(),
    )


def inner_instructions(meta: TransactionMetadata) -> list[UiInnerInstructions]:
    """Return the instructions that programs gave to each other."""
    return [
        UiInnerInstructions(
            index,
            [
                UiCompiledInstruction(
                    each.instruction().program_id_index,
                    each.instruction().accounts,
                    base58.encode(each.instruction().data),
                    each.stack_height(),
                )
                for each in inner
            ],
        )
        for index, inner in enumerate(meta.inner_instructions())
        if inner
    ]


def return_data(meta: TransactionMetadata) -> TransactionReturnData | None:
    """Return what the last program returned, if it returned anything."""
    returned = meta.return_data()
    return returned if returned.data else None


def _tokens(balances: Sequence[TokenBalance]) -> list[UiTransactionTokenBalance]:
    return [
        UiTransactionTokenBalance(
            each.place, each.mint, amount(each.atoms, each.decimals), each.owner, each.program
        )
        for each in balances
    ]
