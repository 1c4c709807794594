"""Errors, with the codes and words that a node has for them."""

from __future__ import annotations

import re

import msgspec
from solders.rpc.responses import RpcSimulateTransactionResult
from solders.transaction_status import (
    InstructionErrorCustom,
    TransactionErrorInstructionError,
    TransactionErrorInsufficientFundsForRent,
    TransactionErrorType,
)

_WORDS = {
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "AlreadyProcessed": "This transaction has already been processed",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    "InvalidAccountForFee": "This account may not be used to pay transaction fees",
    "InvalidProgramForExecution": "This program may not be used for executing instructions",
    "AddressLookupTableNotFound": "Transaction loads an address table account that doesn't exist",
}


class RpcError(Exception):
    """An error as JSON-RPC has it. `data` is JSON."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    def to_json(self) -> str:
        """Return the error object."""
        data = f',"data":{self.data}' if self.data else ""
        return f'{{"code":{self.code},"message":{msgspec.json.encode(str(self)).decode()}{data}}}'


PARSE_ERROR = RpcError(-32700, "Parse error")
INVALID_REQUEST = RpcError(-32600, "Invalid request")
METHOD_NOT_FOUND = RpcError(-32601, "Method not found")
BAD_SIGNATURE = RpcError(-32003, "Transaction signature verification failure")


def invalid(why: str) -> RpcError:
    """Return that a parameter is wrong, and why."""
    return RpcError(-32602, f"Invalid params: {why}")


def behind(slot: int) -> RpcError:
    """Return that the node has not got to the slot that was asked for; it is at `slot`."""
    message = "Minimum context slot has not been reached"
    return RpcError(-32016, message, f'{{"contextSlot":{slot}}}')


def unsupported_version(version: int) -> RpcError:
    """Return that the caller does not say that it understands a transaction's version."""
    return RpcError(
        -32015,
        f"Transaction version ({version}) is not supported by the requesting client. Please try "
        "the request again with the following configuration parameter: "
        f'"maxSupportedTransactionVersion": {version}',
    )


def preflight_failed(result: RpcSimulateTransactionResult) -> RpcError:
    """Return that a transaction failed in simulation, and was not sent."""
    assert result.err is not None  # noqa: S101 - it failed
    message = f"Transaction simulation failed: {explained(result.err)}"
    return RpcError(-32002, message, result.to_json())


def explained(error: TransactionErrorType) -> str:
    """Return a transaction's error in words."""
    match error:
        case TransactionErrorInstructionError(index=index, err=InstructionErrorCustom(code=code)):
            return f"Error processing Instruction {index}: custom program error: {code:#x}"
        case TransactionErrorInstructionError(index=index, err=reason):
            return f"Error processing Instruction {index}: {_words(reason).lower()}"
        case TransactionErrorInsufficientFundsForRent(account_index=index):
            return f"Transaction results in an account ({index}) with insufficient funds for rent"
        case _:
            return _words(error)


def _words(error: object) -> str:
    name = str(error).rpartition(".")[2]
    return _WORDS.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize())
