"""Methods that send a transaction, or try one."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from solders.account import Account
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.rpc.responses import (
    RpcBlockhash,
    RpcResponseContext,
    RpcSimulateTransactionResult,
    SendTransactionResp,
    SimulateTransactionResp,
)
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, SimulateResult

from devchain.chain.view import View
from devchain.rpc import base58
from devchain.rpc.errors import BAD_SIGNATURE, RpcError, invalid, preflight_failed
from devchain.rpc.node import Answer, Node, context
from devchain.rpc.params import Config, Params, bounded, pubkey
from devchain.rpc.replies import inner_instructions, return_data

_LARGEST = 1_232  # Bytes of a transaction, which has to fit into one packet.
_MOST_ACCOUNTS = 32


def send_transaction(node: Node, view: View, params: Params) -> Answer:
    """Check a transaction, and hand it to the chain."""
    config = params.config(1)
    transaction = _transaction(params.text(0), config)
    signed = all(transaction.verify_with_results())
    if not config.flag("skipPreflight"):
        if not signed:
            raise BAD_SIGNATURE
        commitment = config.commitment("preflightCommitment")
        context(view, config, commitment)
        _preflight(view, transaction, commitment)
    if signed:  # The others are sent by a node that does not look, and taken by none.
        _deliver(node, transaction)
    return SendTransactionResp(transaction.signatures[0])


def simulate_transaction(_node: Node, view: View, params: Params) -> Answer:
    """Execute a transaction, and forget what it did."""
    config = params.config(1)
    transaction = _transaction(params.text(0), config)
    answered = context(view, config)
    commitment = config.commitment()
    replacement = None
    if config.flag("replaceRecentBlockhash"):
        if config.flag("sigVerify"):
            raise invalid("sigVerify may not be used with replaceRecentBlockhash")
        replacement = RpcBlockhash(*view.sealed(commitment))
    elif (refused := view.refusal(transaction, commitment)) is not None:
        failed = RpcSimulateTransactionResult(err=refused, logs=[], units_consumed=0)
        return _answer(failed, answered)
    if config.flag("sigVerify") and not all(transaction.verify_with_results()):
        raise BAD_SIGNATURE
    simulated = view.ledger.runtime.simulate(transaction)
    return _answer(_simulated(view, simulated, config, replacement), answered)


def _answer(result: RpcSimulateTransactionResult, answered: RpcResponseContext) -> Answer:
    return SimulateTransactionResp(result, answered)  # type: ignore[call-arg]  # Its stub lacks one.


def _deliver(node: Node, transaction: VersionedTransaction) -> None:
    striking, faults = node.striking, node.striking.faults
    if striking.strikes(faults.never_lands, "sendTransaction"):
        return
    if striking.strikes(faults.lands_late, "sendTransaction"):
        node.chain.land_later(transaction, faults.late_blocks)
    else:
        node.chain.land(transaction)


def _preflight(view: View, transaction: VersionedTransaction, commitment: str) -> None:
    refused = view.refusal(transaction, commitment)
    if refused is not None:
        raise preflight_failed(RpcSimulateTransactionResult(err=refused, logs=[], units_consumed=0))
    simulated = view.ledger.runtime.simulate(transaction)
    if isinstance(simulated, FailedTransactionMetadata):
        raise preflight_failed(_simulated(view, simulated, Config({}), None))


def _simulated(
    view: View, simulated: SimulateResult, config: Config, replacement: RpcBlockhash | None
) -> RpcSimulateTransactionResult:
    failed = isinstance(simulated, FailedTransactionMetadata)
    meta = simulated.meta()
    return RpcSimulateTransactionResult(
        err=simulated.err() if isinstance(simulated, FailedTransactionMetadata) else None,
        logs=meta.logs(),
        accounts=_accounts_after(view, simulated, config.values["accounts"])
        if config.values.get("accounts")
        else None,
        units_consumed=meta.compute_units_consumed(),
        return_data=return_data(meta),
        inner_instructions=inner_instructions(meta) if config.flag("innerInstructions") else None,
        replacement_blockhash=replacement,
        fee=None if failed else meta.fee(),
    )


def _accounts_after(
    view: View, simulated: SimulateResult, wanted: Any
) -> list[Account | None] | None:
    if not isinstance(wanted, dict):
        raise invalid("accounts is no object")
    Config(wanted).choice("encoding", "base64")
    keys = [
        pubkey(each)
        for each in bounded(wanted.get("addresses"), "accounts.addresses", _MOST_ACCOUNTS)
    ]
    if isinstance(simulated, FailedTransactionMetadata):
        return [None] * len(keys)
    after: dict[Pubkey, Account] = dict(simulated.post_accounts())
    return [after.get(key) or view.account(key, "processed") for key in keys]


def _transaction(text: str, config: Config) -> VersionedTransaction:
    encoding = config.choice("encoding", "base58", "base64")
    try:
        raw = base58.decode(text) if encoding == "base58" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise invalid(f"invalid {encoding} encoding: {error}") from error
    if len(raw) > _LARGEST:
        raise invalid(f"transaction too large: {len(raw)} bytes (max: {_LARGEST} bytes)")
    try:
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.sanitize()
    except Exception as error:  # solders has no name for what it raises here
        raise invalid(f"failed to deserialize VersionedTransaction: {error}") from error
    if not isinstance(transaction.message, Message | MessageV0):
        raise RpcError(
            -32602, "Invalid params: devchain takes transactions of legacy and version 0"
        )
    return transaction
