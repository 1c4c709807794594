"""Faults: what a node does wrong on demand, and what the chain does all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from devchain.chain.chain import Habits
from devchain.chain.origin import FAUCET
from tests.support.devchain import SOL, Desk, Refused

_TO = Pubkey.new_unique()


def test_a_transaction_may_never_land_though_the_node_took_it(desk: Desk) -> None:
    wallet = desk.funded()
    transaction = desk.transfer(wallet, _TO)
    desk.ask("devchain_setFaults", {"neverLands": 1})

    signature = desk.send(transaction)
    desk.step(10)

    assert desk.status(signature) is None
    desk.ask("devchain_setFaults", {})
    desk.send(transaction)
    assert desk.status(signature)


def test_a_transaction_may_land_late_and_only_while_it_is_valid(desk: Desk) -> None:
    wallet = desk.funded()
    desk.ask("devchain_setFaults", {"landsLate": 1, "lateBlocks": 5})
    late = desk.send(desk.transfer(wallet, _TO))
    desk.ask("devchain_setFaults", {"landsLate": 1, "lateBlocks": 151})
    too_late = desk.send(desk.transfer(wallet, _TO, 2 * SOL))

    desk.step(4)
    assert desk.status(late) is None
    desk.step()
    assert desk.status(late)
    desk.step(200)

    assert desk.status(too_late) is None
    assert desk.balance(_TO) == SOL


def test_a_node_that_lags_answers_as_of_then_in_everything(desk: Desk) -> None:
    wallet = desk.funded()
    lagging = desk.another()
    desk.ask("devchain_setFaults", {"lagSlots": 10}, node=lagging)
    signature = desk.send(desk.transfer(wallet, _TO))
    slot, _ = desk.heights()
    desk.step(5)

    assert desk.status(signature)
    assert desk.status(signature, node=lagging) is None
    assert desk.balance(_TO, node=lagging) == 0
    assert desk.ask("getSlot", {"commitment": "processed"}, node=lagging) < slot
    with pytest.raises(Refused, match="Blockhash not found"):
        desk.send(desk.transfer(wallet, _TO, 3 * SOL), node=lagging)

    desk.step(10)
    assert desk.status(signature, node=lagging)
    assert desk.balance(_TO, node=lagging) == SOL


def test_the_furthest_that_may_be_asked_for_is_kept(tmp_path: Path) -> None:
    with Desk(tmp_path, Habits(skip_one_in=0)) as desk:
        desk.ask("devchain_setFaults", {"lagSlots": 64})
        desk.chain.land(desk.transfer(FAUCET, _TO, blockhash=desk.chain.ledger.genesis_hash))
        desk.step(64 + 31)

        assert desk.balance(_TO, "finalized") == 0
        desk.step()
        assert desk.balance(_TO, "finalized") == SOL


def test_two_nodes_of_one_chain_may_disagree(desk: Desk) -> None:
    forgetful = desk.another()
    desk.ask("devchain_setFaults", {"forgets": 1}, node=forgetful)
    signature = desk.send(desk.transfer(desk.funded(), _TO))

    assert desk.status(signature)
    assert desk.status(signature, node=forgetful) is None
    assert desk.ask("getFirstAvailableBlock", node=forgetful) == desk.ask("getFirstAvailableBlock")


def test_a_pruned_node_says_from_where_on_it_knows(desk: Desk) -> None:
    pruned = desk.another()
    desk.ask("devchain_setFaults", {"pruned": True}, node=pruned)
    signature = desk.send(desk.transfer(desk.funded(), _TO))
    slot = desk.status(signature)["slot"]
    assert desk.ask("getFirstAvailableBlock", node=pruned) <= slot
    assert desk.status(signature, node=pruned)

    desk.step(33)

    assert desk.status(signature, node=pruned) is None
    assert desk.ask("getFirstAvailableBlock", node=pruned) > slot
    assert desk.ask("getSignaturesForAddress", str(_TO), node=pruned) == []


def test_faults_of_a_method_leave_the_others_alone(desk: Desk) -> None:
    desk.ask("devchain_setFaults", {"forgets": 1, "methods": ["getTransaction"]})
    signature = desk.send(desk.transfer(desk.funded(), _TO))
    desk.step(32)

    assert desk.status(signature)
    assert desk.ask("getTransaction", signature, {"maxSupportedTransactionVersion": 0}) is None


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ({"neverLands": 2}, r"Expected `float` <= 1.0 - at `\$.neverLands`"),
        ({"lagSlots": 65}, r"Expected `int` <= 64 - at `\$.lagSlots`"),
        ({"nope": 1}, "unknown field `nope`"),
    ],
)
def test_a_fault_that_is_none_is_named(desk: Desk, faults: dict[str, object], why: str) -> None:
    with pytest.raises(Refused, match=why):
        desk.ask("devchain_setFaults", faults)
