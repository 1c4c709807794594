"""Methods about slots, heights and blockhashes, and about the node itself."""

from __future__ import annotations

from solders.epoch_info import EpochInfo
from solders.rpc.responses import (
    GetBlockHeightResp,
    GetEpochInfoResp,
    GetFirstAvailableBlockResp,
    GetGenesisHashResp,
    GetHealthResp,
    GetLatestBlockhashResp,
    GetSlotResp,
    GetVersionResp,
    IsBlockhashValidResp,
    RpcBlockhash,
    RpcVersionInfo,
)

from devchain.chain.view import View
from devchain.rpc.node import VERSION, Answer, Node, context
from devchain.rpc.params import Params


def get_slot(_node: Node, view: View, params: Params) -> Answer:
    """Return the newest slot."""
    return GetSlotResp(context(view, params.config(0)).slot)


def get_block_height(_node: Node, view: View, params: Params) -> Answer:
    """Return the newest height: slots that were skipped do not count."""
    config = params.config(0)
    context(view, config)
    return GetBlockHeightResp(view.height(config.commitment()))


def get_epoch_info(_node: Node, view: View, params: Params) -> Answer:
    """Return slot and height in one answer."""
    config = params.config(0)
    slot = context(view, config).slot
    epochs = view.ledger.runtime.epochs
    epoch, index = epochs.get_epoch_and_slot_index(slot)
    info = EpochInfo(
        epoch=epoch,
        slot_index=index,
        slots_in_epoch=epochs.get_slots_in_epoch(epoch),
        absolute_slot=slot,
        block_height=view.height(config.commitment()),
        transaction_count=view.ledger.transactions,
    )
    return GetEpochInfoResp(info)


def get_latest_blockhash(_node: Node, view: View, params: Params) -> Answer:
    """Return the newest blockhash, and the last height for which it is promised to be good."""
    config = params.config(0)
    answered = context(view, config)
    return GetLatestBlockhashResp(RpcBlockhash(*view.sealed(config.commitment())), answered)


def is_blockhash_valid(_node: Node, view: View, params: Params) -> Answer:
    """Return whether a transaction with this blockhash may still land."""
    config = params.config(1)
    blockhash = params.blockhash(0)
    valid = view.is_valid(blockhash, config.commitment())
    answered = context(view, config)
    return IsBlockhashValidResp(valid, answered)  # type: ignore[call-arg]  # Its stub lacks one.


def get_first_available_block(_node: Node, view: View, _params: Params) -> Answer:
    """Return the slot of the oldest block whose transactions are still known."""
    return GetFirstAvailableBlockResp(view.ledger.block(view.first).slot)


def get_genesis_hash(_node: Node, view: View, _params: Params) -> Answer:
    """Return the hash that tells this chain from every other."""
    return GetGenesisHashResp(view.ledger.genesis_hash)


def get_health(_node: Node, _view: View, _params: Params) -> Answer:
    """Return ok: a node may be behind by 128 slots before it says so, which is more than it can."""
    return GetHealthResp("ok")


def get_version(_node: Node, _view: View, _params: Params) -> Answer:
    """Return a version that says what this is."""
    return GetVersionResp(RpcVersionInfo(VERSION, 0))
