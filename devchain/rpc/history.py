"""Methods about transactions that were sent."""

from __future__ import annotations

from collections.abc import Iterator

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.rpc.responses import (
    GetRecentPrioritizationFeesResp,
    GetSignaturesForAddressResp,
    GetSignatureStatusesResp,
    GetTransactionResp,
    RpcConfirmedTransactionStatusWithSignature,
    RpcPrioritizationFee,
)
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    EncodedConfirmedTransactionWithStatusMeta,
    EncodedTransactionWithStatusMeta,
    TransactionStatus,
)

from devchain.chain.blocks import Landed
from devchain.chain.view import View
from devchain.rpc.errors import invalid, unsupported_version
from devchain.rpc.node import Answer, Node, context
from devchain.rpc.params import Config, Params, pubkey, signature
from devchain.rpc.replies import confirmation, memo, status_meta, ui_transaction

_MOST_STATUSES = 256
_MOST_SIGNATURES = 1_000
_FEE_BLOCKS = 150
_MOST_FEE_ACCOUNTS = 128
_SET_PRICE = 3  # The first byte of ComputeBudget's SetComputeUnitPrice; a u64 follows.


def get_signature_statuses(_node: Node, view: View, params: Params) -> Answer:
    """Return the statuses of transactions, of recent ones or of all that are kept."""
    search = params.config(1).flag("searchTransactionHistory")
    statuses = []
    for each in params.list(0, most=_MOST_STATUSES):
        landed = view.status(signature(each), search=search)
        statuses.append(_status(view, landed) if landed else None)
    return GetSignatureStatusesResp(statuses, context(view, Config({}), "processed"))


def get_transaction(_node: Node, view: View, params: Params) -> Answer:
    """Return a transaction and all that it did."""
    value = params.value(1)
    config = Config({"encoding": value}) if isinstance(value, str) else params.config(1)
    encoding = config.choice("encoding", "json", "base64")
    landed = view.status(signature(params.value(0)), search=True)
    if landed is None or not view.has(landed, _settled(config)):
        return GetTransactionResp(None)
    transaction = landed.transaction
    version = transaction.version()
    most = config.values.get("maxSupportedTransactionVersion")
    if isinstance(version, int) and (most is None or version > most):
        raise unsupported_version(version)
    static_keys = len(transaction.message.account_keys)
    encoded = EncodedTransactionWithStatusMeta(
        transaction if encoding == "base64" else ui_transaction(transaction),
        status_meta(landed.execution, static_keys),
        version if most is not None else None,
    )
    block = landed.block
    return GetTransactionResp(
        EncodedConfirmedTransactionWithStatusMeta(block.slot, encoded, block.time)
    )


def get_signatures_for_address(_node: Node, view: View, params: Params) -> Answer:
    """Return the transactions that name an address, the newest first."""
    address, config = params.pubkey(0), params.config(1)
    limit = config.integer("limit", _MOST_SIGNATURES, most=_MOST_SIGNATURES)
    before, until = (
        signature(value) if (value := config.values.get(name)) else None
        for name in ("before", "until")
    )
    commitment = _settled(config)
    context(view, config)
    found: list[RpcConfirmedTransactionStatusWithSignature] = []
    begun = before is None
    for landed in _newest_first(view, commitment):
        if landed.signature == until or len(found) >= limit:
            break
        if begun and address in landed.execution.keys:
            found.append(
                RpcConfirmedTransactionStatusWithSignature(
                    landed.signature,
                    landed.block.slot,
                    landed.execution.error,
                    memo(landed.transaction),
                    landed.block.time,
                    confirmation(view.confirmations(landed)),
                )
            )
        begun = begun or landed.signature == before
    return GetSignaturesForAddressResp(found)


def get_recent_prioritization_fees(_node: Node, view: View, params: Params) -> Answer:
    """Return the least price of a compute unit with which a transaction landed, by slot.

    Those that name one of the given accounts are looked at, or all of them.
    """
    named = params.list(0, most=_MOST_FEE_ACCOUNTS) if params.value(0) else ()
    wanted = {pubkey(each) for each in named}
    fees = []
    for block, _ in zip(view.blocks("processed"), range(_FEE_BLOCKS), strict=False):
        prices = [
            _price(each.transaction)
            for each in block.landed
            if not wanted or not wanted.isdisjoint(each.execution.keys)
        ]
        fees.append(RpcPrioritizationFee(block.slot, min(prices, default=0)))
    return GetRecentPrioritizationFeesResp(fees[::-1])


def _settled(config: Config) -> str:
    commitment = config.commitment()
    if commitment == "processed":
        raise invalid("Method does not support commitment below `confirmed`")
    return commitment


def _status(view: View, landed: Landed) -> TransactionStatus:
    on_top, error = view.confirmations(landed), landed.execution.error
    return TransactionStatus(landed.block.slot, on_top, error, error, confirmation(on_top))


def _newest_first(view: View, commitment: str) -> Iterator[Landed]:
    for block in view.blocks(commitment) if not view.forgets else ():
        yield from reversed(block.landed)


def _price(transaction: VersionedTransaction) -> int:
    """Return the micro-lamports a compute unit that a transaction offers."""
    message = transaction.message
    keys = message.account_keys
    for each in message.instructions:
        if keys[each.program_id_index] == COMPUTE_BUDGET and each.data[:1] == bytes([_SET_PRICE]):
            return int.from_bytes(each.data[1:9], "little")
    return 0
