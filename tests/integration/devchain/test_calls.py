"""JSON-RPC itself: what is a request, and what is none. Every method answers in a known shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.rpc import responses

from devchain.rpc.calls import METHODS, answer, read
from tests.support.devchain import Desk

_KEY = str(Keypair().pubkey())
_SIGNATURE = str(Keypair().sign_message(b""))
_SIMPLE = {
    "getBlockHeight": [],
    "getEpochInfo": [],
    "getFirstAvailableBlock": [],
    "getGenesisHash": [],
    "getHealth": [],
    "getLatestBlockhash": [],
    "getMinimumBalanceForRentExemption": [165],
    "getRecentPrioritizationFees": [[_KEY]],
    "getSignatureStatuses": [[_SIGNATURE], {"searchTransactionHistory": True}],
    "getSignaturesForAddress": [_KEY],
    "getSlot": [],
    "getTransaction": [_SIGNATURE],
    "getVersion": [],
    "getBalance": [_KEY],
    "isBlockhashValid": [_KEY],
    "requestAirdrop": [_KEY, 10**9],
}  # The others have tests of their own.


@pytest.mark.parametrize("method", _SIMPLE)
def test_solders_reads_every_answer(desk: Desk, method: str) -> None:
    said = desk.raw({"jsonrpc": "2.0", "id": 1, "method": method, "params": _SIMPLE[method]})

    kind = getattr(responses, f"{method[0].upper()}{method[1:]}Resp")
    assert isinstance(kind.from_json(said), kind)


@pytest.mark.parametrize(
    ("body", "code", "number"),
    [
        (b"{", -32700, None),
        (b'"\xff"', -32700, None),
        (b"[]", -32600, None),
        (b"7", -32600, None),
        (b'{"id": 1, "method": "getSlot"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "getSlot"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "getBlocks"}', -32601, 1),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": {}}', -32602, 1),
    ],
)
def test_what_is_no_call_gets_the_code_for_it(
    desk: Desk, body: bytes, code: int, number: int | None
) -> None:
    said = json.loads(answer(desk.node, read(body)))

    assert (said["error"]["code"], said["id"]) == (code, number)


def test_a_wrong_call_of_a_batch_spoils_none_of_the_others(desk: Desk) -> None:
    calls: list[Any] = [
        {"jsonrpc": "2.0", "id": 1, "method": "getHealth"},
        7,
        {"jsonrpc": "2.0", "method": "getHealth"},
        {"jsonrpc": "2.0", "id": 2, "method": "getHealth"},
    ]

    answers = json.loads(desk.raw(calls))

    assert [each.get("result") for each in answers] == ["ok", None, "ok"]
    assert desk.raw(calls[2:3]) == ""


def test_a_batch_longer_than_allowed_is_refused_as_a_whole(desk: Desk) -> None:
    said = json.loads(desk.raw([{"jsonrpc": "2.0", "id": 1, "method": "getSlot"}] * 1_001))

    assert said["error"]["message"] == "Invalid request: 1001 calls, at most 1000"


def test_the_version_says_that_this_is_a_development_chain(desk: Desk) -> None:
    said = desk.ask("getVersion")

    assert said["solana-core"].endswith("-devchain")
    assert desk.ask("getBalance", _KEY)["context"]["apiVersion"] == said["solana-core"]


def test_every_method_has_a_test_of_its_answer() -> None:
    others = {
        *("getAccountInfo", "getMultipleAccounts"),
        *("getTokenAccountBalance", "getTokenAccountsByOwner"),
        *("sendTransaction", "simulateTransaction"),
    }

    own = {method for method in METHODS if method.startswith("devchain_")}
    assert set(METHODS) == own | others | set(_SIMPLE)
