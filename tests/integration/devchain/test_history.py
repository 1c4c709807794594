"""Transactions that were sent: what they did, who names whom, what they paid."""

from __future__ import annotations

import pytest
from solders.compute_budget import set_compute_unit_price
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.responses import GetSignaturesForAddressResp, GetTransactionResp
from solders.transaction import VersionedTransaction

from devchain.chain.tokens import MEMO
from tests.support.devchain import SOL, Desk, Refused, paying

_TO = Pubkey.new_unique()
_ANY_VERSION = {"maxSupportedTransactionVersion": 0, "commitment": "confirmed"}


def test_a_transaction_tells_balances_fee_and_logs_once_it_is_confirmed(desk: Desk) -> None:
    wallet = desk.funded()
    signature = desk.send(desk.transfer(wallet, _TO))
    assert desk.ask("getTransaction", signature, _ANY_VERSION) is None

    desk.step()
    said = desk.ask("getTransaction", signature, _ANY_VERSION)

    meta, message = said["meta"], said["transaction"]["message"]
    assert message["accountKeys"][:2] == [str(wallet.pubkey()), str(_TO)]
    assert meta["preBalances"][:2] == [100 * SOL, 0]
    assert meta["postBalances"][:2] == [99 * SOL - 5_000, SOL]
    assert (meta["fee"], meta["computeUnitsConsumed"], said["version"]) == (5_000, 150, 0)
    assert meta["logMessages"][-1].endswith("success")
    assert said["slot"] == desk.status(signature)["slot"]


def test_solders_reads_a_transaction_in_json_and_in_base64(desk: Desk) -> None:
    sent = desk.transfer(desk.funded(), _TO)
    signature = desk.send(sent)
    desk.step()
    read = []
    for encoding in ("json", "base64"):
        params = [signature, {**_ANY_VERSION, "encoding": encoding}]
        call = {"jsonrpc": "2.0", "id": 1, "method": "getTransaction", "params": params}
        said = GetTransactionResp.from_json(desk.raw(call))
        assert isinstance(said, GetTransactionResp)
        assert said.value is not None
        read.append(said.value.transaction)

    assert read[1].transaction == sent
    assert read[0].meta == read[1].meta


@pytest.mark.parametrize(
    ("config", "code"),
    [({"commitment": "confirmed"}, -32015), ({**_ANY_VERSION, "commitment": "processed"}, -32602)],
)
def test_versions_and_commitments_that_do_not_fit_are_refused(
    desk: Desk, config: dict[str, object], code: int
) -> None:
    signature = desk.send(desk.transfer(desk.funded(), _TO))
    desk.step()

    with pytest.raises(Refused) as refused:
        desk.ask("getTransaction", signature, config)

    assert refused.value.code == code


def test_an_addresss_transactions_come_newest_first_with_their_memos(desk: Desk) -> None:
    wallet = desk.funded()
    sent = []
    for number in range(4):
        note = Instruction(MEMO, f"order-{number}".encode(), [])
        sent.append(desk.send(desk.signed(wallet, paying(wallet, _TO, SOL), note)))
        desk.step()
    desk.send(desk.transfer(wallet, Pubkey.new_unique()))

    def found(**config: object) -> list[str]:
        options = {"commitment": "confirmed", **config}
        said = desk.ask("getSignaturesForAddress", str(_TO), options)
        return [each["signature"] for each in said]

    told = desk.ask("getSignaturesForAddress", str(_TO), {"commitment": "confirmed"})
    assert [each["memo"] for each in told] == [f"[7] order-{number}" for number in (3, 2, 1, 0)]
    assert found(limit=2) == sent[:1:-1]
    assert found(before=sent[2]) == [sent[1], sent[0]]
    assert found(until=sent[1]) == [sent[3], sent[2]]
    call = {
        "jsonrpc": "2.0", "id": 1, "method": "getSignaturesForAddress",
        "params": [str(_TO), {"commitment": "confirmed"}],
    }  # fmt: skip
    assert isinstance(
        GetSignaturesForAddressResp.from_json(desk.raw(call)), GetSignaturesForAddressResp
    )


def test_recent_fees_are_the_least_that_landed_by_slot_and_account(desk: Desk) -> None:
    wallet = desk.funded()
    for price in (700, 300):
        desk.send(desk.signed(wallet, set_compute_unit_price(price), paying(wallet, _TO, SOL)))

    def last(*accounts: Pubkey) -> dict[str, int]:
        said = desk.ask("getRecentPrioritizationFees", [str(each) for each in accounts])
        newest: dict[str, int] = said[-1]
        return newest

    slot, _ = desk.heights()
    assert last() == last(_TO) == {"slot": slot, "prioritizationFee": 300}
    assert last(Pubkey.new_unique())["prioritizationFee"] == 0
    desk.step()
    assert last(_TO)["prioritizationFee"] == 0


def test_a_price_is_paid_on_top_of_the_fee(desk: Desk) -> None:
    wallet = desk.funded()
    priced = desk.signed(wallet, set_compute_unit_price(1_000_000), paying(wallet, _TO, SOL))

    signature = desk.send(priced)
    desk.step()

    meta = desk.ask("getTransaction", signature, _ANY_VERSION)["meta"]
    assert meta["fee"] > 5_000
    assert desk.balance(wallet.pubkey()) == 99 * SOL - meta["fee"]


def test_two_signers_pay_for_two_signatures(desk: Desk) -> None:
    wallet, other = desk.funded(), Keypair()
    give = paying(wallet, other.pubkey(), SOL)
    back = paying(other, wallet.pubkey(), SOL)
    message = MessageV0.try_compile(wallet.pubkey(), [give, back], [], desk.blockhash())

    signature = desk.send(VersionedTransaction(message, [wallet, other]))

    desk.step()
    assert desk.ask("getTransaction", signature, _ANY_VERSION)["meta"]["fee"] == 10_000
