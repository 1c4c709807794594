"""Sending and trying transactions, and the errors of both."""

from __future__ import annotations

import json

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.rpc.errors import SendTransactionPreflightFailureMessage
from solders.rpc.responses import SendTransactionResp, SimulateTransactionResp
from solders.transaction import VersionedTransaction

from devchain.chain.tokens import MEMO, TOKEN_2022
from devchain.rpc import base58
from tests.support.devchain import BASE64, SOL, Desk, Refused, paying, wire

_TO = Pubkey.new_unique()
_FEE = 5_000


def forged(transaction: VersionedTransaction) -> VersionedTransaction:
    """Return a transaction that somebody else signed."""
    signature = Keypair().sign_message(b"another")
    return VersionedTransaction.populate(transaction.message, [signature])


def test_a_transaction_is_executed_once_however_many_came_between(desk: Desk) -> None:
    wallet = desk.funded()
    recent = desk.blockhash()
    first = desk.transfer(wallet, _TO, blockhash=recent)
    desk.send(first)
    for more in range(100):
        desk.send(desk.transfer(wallet, _TO, SOL // 100 + more, recent))
    had = desk.balance(_TO)

    with pytest.raises(Refused, match="This transaction has already been processed") as refused:
        desk.send(first)
    assert desk.send(first, skipPreflight=True) == str(first.signatures[0])

    assert refused.value.data["err"] == "AlreadyProcessed"
    assert desk.balance(_TO) == had


def test_a_failed_preflight_costs_nothing_and_tells_error_and_logs(desk: Desk) -> None:
    wallet = desk.funded(3 * SOL)

    with pytest.raises(Refused) as refused:
        desk.send(desk.transfer(wallet, _TO, 5 * SOL))

    assert refused.value.code == -32002
    assert refused.value.message == (
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    )
    assert refused.value.data["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert "insufficient lamports" in " ".join(refused.value.data["logs"])
    assert desk.balance(wallet.pubkey()) == 3 * SOL


def test_without_preflight_a_failure_lands_and_costs_its_fee(desk: Desk) -> None:
    wallet = desk.funded(3 * SOL)

    signature = desk.send(desk.transfer(wallet, _TO, 5 * SOL), skipPreflight=True)

    error = {"InstructionError": [0, {"Custom": 1}]}
    assert desk.status(signature)["err"] == error
    assert desk.status(signature)["status"] == {"Err": error}
    assert desk.balance(wallet.pubkey()) == 3 * SOL - _FEE


def test_a_transaction_whose_fee_nobody_can_pay_never_lands(desk: Desk) -> None:
    poor = Keypair()
    transaction = desk.transfer(poor, _TO)

    with pytest.raises(Refused, match="no record of a prior credit"):
        desk.send(transaction)
    signature = desk.send(transaction, skipPreflight=True)

    assert desk.status(signature) is None


def test_a_forged_signature_is_refused_or_else_never_lands(desk: Desk) -> None:
    wallet = desk.funded()
    transaction = forged(desk.transfer(wallet, _TO))

    with pytest.raises(Refused, match="signature verification failure") as refused:
        desk.send(transaction)
    signature = desk.send(transaction, skipPreflight=True)

    assert refused.value.code == -32003
    assert desk.status(signature) is None
    assert desk.balance(_TO) == 0


def test_a_legacy_transaction_in_base58_lands_too(desk: Desk) -> None:
    wallet = desk.funded()
    message = Message.new_with_blockhash(
        [paying(wallet, _TO, SOL)], wallet.pubkey(), desk.blockhash("finalized")
    )

    transaction = VersionedTransaction(message, [wallet])

    signature = desk.ask("sendTransaction", base58.encode(bytes(transaction)))

    assert desk.ask("getTransaction", signature) is None
    desk.step(32)
    assert desk.ask("getTransaction", signature)["meta"]["err"] is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not base64!", "invalid base64 encoding"),
        ("AAAA", "failed to deserialize"),
        ("A" * 1_648, "transaction too large: 1236 bytes"),
    ],
)
def test_what_is_no_transaction_is_refused_with_the_reason(desk: Desk, text: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        desk.ask("sendTransaction", text, BASE64)

    assert refused.value.code == -32602


def test_a_simulation_changes_nothing_and_shows_accounts_as_they_would_be(desk: Desk) -> None:
    wallet = desk.funded()
    accounts = {"encoding": "base64", "addresses": [str(_TO), str(TOKEN_2022)]}
    config = {**BASE64, "commitment": "processed", "accounts": accounts}

    said = desk.ask("simulateTransaction", wire(desk.transfer(wallet, _TO)), config)["value"]

    assert (said["err"], said["unitsConsumed"], said["fee"]) == (None, 150, _FEE)
    assert [account["lamports"] > 0 for account in said["accounts"]] == [True, True]
    assert said["accounts"][0]["lamports"] == SOL
    assert desk.balance(_TO) == 0


def test_a_simulation_may_do_without_signatures_and_with_another_blockhash(desk: Desk) -> None:
    wallet = desk.funded()
    desk.step(200)
    old = desk.chain.ledger.genesis_hash
    unsigned = wire(forged(desk.transfer(wallet, _TO, blockhash=old)))

    as_it_is = desk.ask("simulateTransaction", unsigned, BASE64)["value"]
    renewed = {**BASE64, "replaceRecentBlockhash": True}
    with_another = desk.ask("simulateTransaction", unsigned, renewed)["value"]

    assert as_it_is["err"] == "BlockhashNotFound"
    assert with_another["err"] is None
    last = with_another["replacementBlockhash"]["blockhash"]
    assert last == str(desk.blockhash("finalized"))


def test_a_simulation_checks_signatures_where_it_is_asked_to(desk: Desk) -> None:
    unsigned = wire(forged(desk.transfer(desk.funded(), _TO)))
    strict = {**BASE64, "sigVerify": True, "commitment": "processed"}

    with pytest.raises(Refused, match="signature verification failure"):
        desk.ask("simulateTransaction", unsigned, strict)


def test_a_batch_is_answered_call_by_call_in_its_order(desk: Desk) -> None:
    wallet = desk.funded()
    recent = desk.blockhash()
    sent = [desk.transfer(wallet, _TO, SOL // 2 + number, recent) for number in range(100)]
    options = {**BASE64, "preflightCommitment": "processed"}
    calls = [
        {"jsonrpc": "2.0", "id": at, "method": "sendTransaction", "params": [wire(each), options]}
        for at, each in enumerate(sent)
    ]

    answers = json.loads(desk.raw(calls))

    assert [(each["id"], each["result"]) for each in answers] == [
        (at, str(each.signatures[0])) for at, each in enumerate(sent)
    ]
    assert desk.balance(_TO) == sum(SOL // 2 + number for number in range(100))


def test_solders_reads_what_a_preflight_says(desk: Desk) -> None:
    wallet = desk.funded()
    failing = desk.transfer(wallet, _TO, 500 * SOL)
    options = {**BASE64, "commitment": "processed", "preflightCommitment": "processed"}
    call = {"jsonrpc": "2.0", "id": 1, "params": [wire(failing), options]}

    sent = SendTransactionResp.from_json(desk.raw({**call, "method": "sendTransaction"}))
    tried = SimulateTransactionResp.from_json(desk.raw({**call, "method": "simulateTransaction"}))

    assert isinstance(sent, SendTransactionPreflightFailureMessage)
    assert isinstance(tried, SimulateTransactionResp)
    assert sent.data.err == tried.value.err


def test_an_error_of_a_program_is_spelled_by_instruction_and_name(desk: Desk) -> None:
    wallet = desk.funded()
    unsigned = Instruction(MEMO, b"memo", [AccountMeta(_TO, is_signer=False, is_writable=False)])

    with pytest.raises(Refused) as refused:
        desk.send(desk.signed(wallet, paying(wallet, _TO, SOL), unsigned))

    assert refused.value.data["err"] == {"InstructionError": [1, "MissingRequiredSignature"]}
    assert "Error processing Instruction 1: missing required signature" in refused.value.message
