"""A request's calls: read, done one after the other, and answered in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from devchain.chain.view import View
from devchain.rpc import accounts, control, faucet, history, sending, slots
from devchain.rpc.errors import INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, RpcError, invalid
from devchain.rpc.node import Answer, Node
from devchain.rpc.params import Params

Method = Callable[[Node, View, Params], Answer]

MOST_CALLS = 1_000  # In one batch.

METHODS: Mapping[str, Method] = {
    "getAccountInfo": accounts.get_account_info,
    "getBalance": accounts.get_balance,
    "getBlockHeight": slots.get_block_height,
    "getEpochInfo": slots.get_epoch_info,
    "getFirstAvailableBlock": slots.get_first_available_block,
    "getGenesisHash": slots.get_genesis_hash,
    "getHealth": slots.get_health,
    "getLatestBlockhash": slots.get_latest_blockhash,
    "getMinimumBalanceForRentExemption": accounts.get_minimum_balance_for_rent_exemption,
    "getMultipleAccounts": accounts.get_multiple_accounts,
    "getRecentPrioritizationFees": history.get_recent_prioritization_fees,
    "getSignatureStatuses": history.get_signature_statuses,
    "getSignaturesForAddress": history.get_signatures_for_address,
    "getSlot": slots.get_slot,
    "getTokenAccountBalance": accounts.get_token_account_balance,
    "getTokenAccountsByOwner": accounts.get_token_accounts_by_owner,
    "getTransaction": history.get_transaction,
    "getVersion": slots.get_version,
    "isBlockhashValid": slots.is_blockhash_valid,
    "requestAirdrop": faucet.request_airdrop,
    "sendTransaction": sending.send_transaction,
    "simulateTransaction": sending.simulate_transaction,
    "devchain_airdropTokens": faucet.airdrop_tokens,
    "devchain_fork": control.fork,
    "devchain_setFaults": control.set_faults,
    "devchain_stepBlocks": control.step_blocks,
}


class Call(NamedTuple):
    """One call. `id` is JSON, empty for a notification, which gets no answer."""

    method: str
    params: Params
    id: str
    error: RpcError | None = None


class Request(NamedTuple):
    """The calls of one request, which is a batch or not."""

    calls: Sequence[Call]
    is_batch: bool

    @property
    def methods(self) -> set[str]:
        """Return the names of the methods that are called."""
        return {each.method for each in self.calls}

    @property
    def is_control(self) -> bool:
        """Return whether nothing but devchain's own methods is called."""
        return all(each.startswith("devchain_") for each in self.methods)


def read(body: bytes | str) -> Request:
    """Return what a request asks for. What is wrong with it is in its calls."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Request([_wrong(PARSE_ERROR)], is_batch=False)
    if not isinstance(said, list):
        return Request([call(said)], is_batch=False)
    if not said:
        return Request([_wrong(INVALID_REQUEST)], is_batch=False)
    if len(said) > MOST_CALLS:
        error = RpcError(-32600, f"Invalid request: {len(said)} calls, at most {MOST_CALLS}")
        return Request([_wrong(error)], is_batch=False)
    return Request([call(each) for each in said], is_batch=True)


def answer(node: Node, request: Request) -> str:
    """Do what is asked for, and return the answer in JSON: empty if nothing wants one."""
    answers = [each for call in request.calls if (each := _answer(node, call))]
    node.chain.flush()
    if request.is_batch and answers:
        return f"[{','.join(answers)}]"
    return "".join(answers)


def call(said: object) -> Call:
    """Return one call, as it came."""
    match said:
        case {"jsonrpc": "2.0", "method": str(method), **others}:
            number = others.get("id")
            shown = msgspec.json.encode(number).decode() if "id" in others else ""
            params = others.get("params")
            if isinstance(number, dict | list | bool):
                return _wrong(INVALID_REQUEST)
            if params is not None and not isinstance(params, list):
                return Call(method, Params([]), shown, invalid("expected a list"))
            return Call(method, Params(params or []), shown)
        case _:
            return _wrong(INVALID_REQUEST)


def failed(error: RpcError, number: str) -> str:
    """Return the answer that a call failed."""
    return f'{{"jsonrpc":"2.0","error":{error.to_json()},"id":{number}}}'


def succeeded(reply: Answer, number: str) -> str:
    """Return the answer that a call went well. solders ends each with an id of 0."""
    return f"{reply.to_json()[:-2]}{number}}}"


def _answer(node: Node, call: Call) -> str:
    try:
        if call.error:
            raise call.error
        method = METHODS.get(call.method)
        if method is None:
            raise METHOD_NOT_FOUND
        said = succeeded(method(node, node.view(call.method), call.params), call.id)
    except RpcError as error:
        said = failed(error, call.id)
    return said if call.id else ""


def _wrong(error: RpcError) -> Call:
    return Call("", Params([]), "null", error)
